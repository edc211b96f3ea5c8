/**
 * Starts the child runs of a step: one, one for each item of a list, or one for each round of a repetition, whose list grows by a row
 * when another round follows (repeat.ts).
 * Boundary: plan.ts says what is started, ends.ts applies the children's reports.
 * Invariants:
 * 1. The rows of all children of a list are inserted when its attempt begins. A start writes only the row of its call.
 * 2. At most `max_parallel` children are open; a paused run starts none.
 */

import type { Draft } from "../../draft/draft.ts";
import { setCounts } from "../../flow/compensate-children.ts";
import { goBadly, succeed } from "../../flow/ending.ts";
import { type ChildRun, type ChildSet, PLAN } from "../../values/child-run.ts";
import { type Json, type JsonObject, jsonSizeBytes } from "../../values/json.ts";
import { HAS_CHILDREN, MAY_HAVE_ACTED } from "../../values/run.ts";
import { isBetweenAttempts } from "../../values/step-detail.ts";
import type { StepTask } from "../contract.ts";
import { depthOf, type Plan, planChildren, readPlan } from "./plan.ts";

/** An attempt begins: requests the first starts. */
export function beginChildren({ draft, index }: StepTask, input: JsonObject): void {
  const planned = planChildren(draft, index, input);
  if (!planned.ok) {
    goBadly(draft, index, planned.trouble);
    return;
  }
  const { plan, items } = planned;
  if (items?.length === 0) {
    succeed(draft, index, { output: { items: [], run_ids: [] }, extendsInput: false });
    return;
  }
  draft.marks.addFlag(index, MAY_HAVE_ACTED | HAS_CHILDREN);
  const { children, ...detail } = draft.rows.row(index).detail;
  const starting = children?.starting ?? 0;
  const none = { next: 0, open: 0, failed: 0, bytes: 0, starting };
  draft.rows.row(index).detail = detail;
  setCounts(draft, index, items === undefined ? none : { items: items.length, ...none });
  if (items === undefined) {
    draft.children.insert(newChild(draft, index, 0));
    startChild(draft, index, plan, plan.input);
    return;
  }
  const row = newChild(draft, index, PLAN);
  draft.children.insert({ ...row, input: { ...plan } });
  for (const [child, input] of items.entries()) draft.children.insert({ ...row, child, input });
  startNextChildren(draft, index);
}

/** Requires all rows that several steps need to start children. */
export function requireNextChildren(draft: Draft, indexes: readonly number[]): void {
  draft.children.require(indexes.flatMap((index) => missingNext(draft, index)));
}

/** Inputs of the children that one transition starts; the answers to these starts start the others. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** Starts as many children of a list as may be open. */
export function startNextChildren(draft: Draft, index: number): void {
  const { attempt, first, count } = nextChildren(draft, index);
  if (count <= 0) return;
  requireNextChildren(draft, [index]);
  const plan = readPlan(draft.children.find(index, { attempt, child: PLAN })?.input);
  let bytes = 0;
  for (let child = first; child < first + count && bytes < BYTES_AT_ONCE; child += 1) {
    const item = draft.children.find(index, { attempt, child })?.input ?? null;
    const input = { ...plan.input, ...ownInput(draft, index, child, item) };
    bytes += jsonSizeBytes(input);
    startChild(draft, index, plan, input);
  }
}

/** What a child gets beside what all of them share. */
function ownInput(draft: Draft, index: number, child: number, item: Json): JsonObject {
  if (draft.step(index).children?.repeatWhile === undefined) return { item, index: child };
  return { round: child + 1, ...(child === 0 ? {} : { last: item }) };
}

/** The children of a list that start now. */
function nextChildren(draft: Draft, index: number) {
  const { detail, retryCount } = draft.rows.peek(index);
  const { children } = detail;
  const attempt = retryCount + 1;
  if (children?.items === undefined || isBetweenAttempts(detail) || !mayStart(draft, index)) {
    return { attempt, first: 0, count: 0 };
  }
  const limit = draft.step(index).children?.maxParallel ?? 1;
  const count = Math.min(limit - children.open, children.items - children.next);
  return { attempt, first: children.next, count };
}

/** Children of a batch often end together: their successors' rows are required at once. */
const ROWS_AHEAD = 200;

function missingNext(draft: Draft, index: number): ChildSet[] {
  const { attempt, first, count } = nextChildren(draft, index);
  if (count <= 0) return [];
  const last = first + count - 1;
  const isThere = [PLAN, last].every((child) => draft.children.has(index, { attempt, child }));
  if (isThere) return [];
  const limit = count + ROWS_AHEAD;
  return [
    { kind: "one", step: index, attempt, child: PLAN },
    { kind: "next", step: index, attempt, child: first, limit },
  ];
}

/** The row of a child of the present attempt. */
export function newChild(draft: Draft, step: number, child: number): ChildRun {
  const attempt = draft.rows.peek(step).retryCount + 1;
  return { step, attempt, child, state: "new", runId: "", costUsd: 0, seq: 0 };
}

function startChild(draft: Draft, index: number, plan: Plan, input: JsonObject): void {
  const { run } = draft;
  const { children } = draft.rows.peek(index).detail;
  if (children === undefined) throw new Error(`step ${index} has no count of its children`);
  const { next: child } = children;
  setCounts(draft, index, {
    ...children,
    next: child + 1,
    open: children.open + 1,
    starting: children.starting + 1,
  });
  const attempt = draft.rows.peek(index).retryCount + 1;
  draft.call(
    index,
    {
      kind: "start_run",
      workspaceId: run.workspaceId,
      definitionId: plan.definition_id,
      name: plan.name,
      version: plan.version,
      parentRunId: run.id,
      parentDefinitionId: run.definitionId,
      parentStep: { index, attempt, child, depth: depthOf(draft) },
      initiatorAgentId: run.initiatorAgentId,
      initiatorUserId: run.initiatorUserId,
      entityId: run.entityId,
      entityType: run.entityType,
      hops: run.hops,
      ...(run.environment === undefined ? {} : { environment: run.environment }),
      input,
    },
    `-${child}`,
  );
}

function mayStart(draft: Draft, index: number): boolean {
  return draft.run.state === (draft.step(index).isCompensation ? "COMPENSATING" : "RUNNING");
}
