/**
 * The names in expressions of a running version: fields, `input`, finished steps, `run`.
 * Boundary: builds scopes out of a draft. Requires the rows that an expression reads before the evaluation, which never
 * throws.
 */

import {
  type Evaluation,
  type Expression,
  evaluate,
  holds,
  type Scope,
  type StepInScope,
} from "../expression/expression.ts";
import { fillTank } from "../expression/fuel.ts";
import { renderTemplate, type Template } from "../expression/template.ts";
import { PRODUCTION } from "../values/environment.ts";
import type { JsonObject } from "../values/json.ts";
import { HAS_ROW, isFinalStep, type Run } from "../values/run.ts";
import type { Draft } from "./draft.ts";
import { inputOf, outputOf } from "./payloads.ts";

/** What an expression or template reads, known since publish. */
type Reads = Pick<Expression, "reads" | "readsInput">;

/** The scope of an expression: `fields` at top level and everything else that it reads. */
export function scopeFor(draft: Draft, reads: Reads, fields: JsonObject): Scope {
  const steps = new Map<string, StepInScope>();
  const finished = reads.reads.flatMap((id) => {
    const index = draft.graph.indexById.get(id);
    return index !== undefined && isFinalStep(draft.marks.state(index)) ? [{ id, index }] : [];
  });
  draft.rows.require(finished.map(({ index }) => index));
  for (const { id, index } of finished) steps.set(id, finishedStep(draft, index));
  const input = reads.readsInput ? { input: draft.payloads.runInput() } : {};
  return { fields, steps, run: runFields(draft.run), ...input };
}

/** Evaluates against a draft. */
export function evaluateIn(draft: Draft, expression: Expression, fields: JsonObject): Evaluation {
  const tank = fillTank();
  const value = evaluate(expression, scopeFor(draft, expression, fields), tank);
  draft.budget.spend(tank.work);
  return value;
}

/** Whether a condition holds. One that fails counts as false, and the draft records why. No condition holds. */
export function holdsIn(
  draft: Draft,
  expression: Expression | undefined,
  fields: JsonObject,
): boolean {
  if (expression === undefined) return true;
  const tank = fillTank();
  const held = holds(expression, scopeFor(draft, expression, fields), tank);
  draft.budget.spend(tank.work);
  if (held.problem !== undefined) draft.failedExpressions.set(held.problem, "edge");
  return held.holds;
}

/** Renders a template against a draft. */
export function renderIn(draft: Draft, template: Template, fields: JsonObject) {
  const tank = fillTank();
  const rendered = renderTemplate(template, scopeFor(draft, template, fields), tank);
  draft.budget.spend(tank.work);
  return rendered;
}

function finishedStep(draft: Draft, index: number): StepInScope {
  const state = draft.marks.state(index);
  if ((draft.marks.of(index) & HAS_ROW) === 0) return { state };
  return { state, input: inputOf(draft.payloads, index), output: outputOf(draft.payloads, index) };
}

/** `run` in expressions, by the names of the wire; times as RFC 3339. */
function runFields(run: Run): JsonObject {
  return {
    id: run.id,
    workspace_id: run.workspaceId,
    definition_id: run.definitionId,
    definition_version: run.definitionVersion,
    trigger_type: run.triggerType,
    trigger_event_id: run.triggerEventId,
    initiator_agent_id: run.initiatorAgentId,
    initiator_user_id: run.initiatorUserId,
    parent_run_id: run.parentRunId,
    entity_id: run.entityId,
    entity_type: run.entityType,
    started_at: new Date(run.startedAtMs ?? run.createdAtMs).toISOString(),
    environment: run.environment ?? PRODUCTION,
    vars: run.vars ?? {},
  };
}
