/**
 * What a version may say and its author often does not mean.
 * Boundary: a version without faults.
 */
import { parseExpression, readsFields } from "../engine/expression/expression.ts";
import { linkSteps } from "../engine/graph/links.ts";
import { expressionsOfStep, type TextContexts, textContexts } from "../engine/graph/step-texts.ts";
import { factsOf } from "../engine/steps/registry.ts";
import { shownKindOf } from "../engine/steps/shown-kind.ts";
import type { ShownKind } from "../engine/steps/types.ts";
import { attemptSeconds } from "../engine/steps/worst-case.ts";
import type { EdgeDefinition, StepDefinition, VersionSpec } from "../engine/values/definition.ts";
import { ownValue } from "../engine/values/json.ts";
import { roundedDuration } from "./durations.ts";
import type { Reading } from "./read-values.ts";

/** Words of actions that change something outside for good. */
const DESTRUCTIVE =
  /(^|[._-])(charge|pay|delete|remove|transfer|book|purchase|terminate|wire)($|[._-])/;

/** Kinds of steps that work by themselves, and often for long. */
const WORKING: readonly (ShownKind | undefined)[] = ["agent", "worker"];

/**
 * Adds a warning for a gate without deadline, for a destructive action that nothing undoes, for a step that waits for one of which it uses
 * nothing, and for one that may take longer than the run.
 */
export function findWarnings(spec: VersionSpec, { faults, places }: Reading): void {
  const needlessly = needlessWaits(spec);
  const undoing = new Set(spec.steps.map(({ compensationStepId }) => compensationStepId));
  const asked = behindDecisions(spec);
  for (const [index, step] of spec.steps.entries()) {
    const place = places.find(`steps[${index}]`);
    if (place === undefined) continue;
    if (isGateWithoutDeadline(step, spec)) {
      faults.add(
        place,
        `"${step.id}" waits for a person without end: give it a timeout, or the workflow one`,
      );
    }
    const isUndo = undoing.has(step.id);
    if (!isUndo && isDestructive(step)) {
      const isAsked = asked.has(step.id) ? "" : ", and nobody approves it before";
      faults.add(place, `"${step.id}" does ${step.actionType}, and has no undo${isAsked}`);
    }
    if (!isUndo && isLongerThanRun(step, spec)) {
      const [own, run] = [attemptSeconds(step) ?? 0, spec.timeoutSeconds].map(roundedDuration);
      faults.add(place, `"${step.id}" may take ${own}, and the run is ended after ${run}`);
    }
    const before = needlessly.get(step.id);
    if (before !== undefined) {
      const instead = `let both begin at once, or give "${step.id}" what it needs of it`;
      faults.add(place, `"${step.id}" waits for "${before}" and uses nothing of it: ${instead}`);
    }
  }
}

/** A step may take longer than the run, so that its own limit of time never comes. */
function isLongerThanRun(step: StepDefinition, { timeoutSeconds }: VersionSpec): boolean {
  return timeoutSeconds > 0 && (attemptSeconds(step) ?? 0) > timeoutSeconds;
}

/** Steps that begin after a decision of people or governance; what follows a PARALLEL begins after its children. */
function behindDecisions(spec: VersionSpec): ReadonlySet<string> {
  const { steps } = spec;
  const { edges, incoming, outgoing } = linkSteps(spec);
  const ended = new Set(
    steps.flatMap(({ stepType }, index) => (factsOf(stepType)?.isDecision ? [index] : [])),
  );
  const begun = new Set<number>();
  const open = [...ended];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const edge of outgoing[index] ?? []) {
      const { to, role } = edges[edge] ?? { to: index, role: "child" };
      if (begun.has(to) || (role === "child" && !begun.has(index))) continue;
      begun.add(to);
      open.push(to);
    }
    for (const edge of incoming[index] ?? []) {
      const { from, role } = edges[edge] ?? { from: index, role: "success" };
      if (role !== "child" || ended.has(from)) continue;
      ended.add(from);
      open.push(from);
    }
  }
  return new Set([...begun].flatMap((index) => steps[index]?.id ?? []));
}

function isGateWithoutDeadline(step: StepDefinition, spec: VersionSpec): boolean {
  if (step.timeoutSeconds > 0 || spec.timeoutSeconds > 0) return false;
  if (step.stepType !== "APPROVAL_GATE") return false;
  return ownValue(step.config, "escalate_after_seconds") === undefined;
}

function isDestructive(step: StepDefinition): boolean {
  const acts = factsOf(step.stepType)?.hasAgent === true;
  return acts && step.compensationStepId === "" && DESTRUCTIVE.test(step.actionType);
}

/**
 * Steps that could begin with the one before them, by their ids: both work by themselves, one comes after the other and nowhere else, and
 * the second has an input of its own that reads nothing of the first. What does something for good keeps its order.
 */
function needlessWaits({ steps, edges }: VersionSpec): ReadonlyMap<string, string> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const [leaving, arriving] = [countBy(edges, "fromStepId"), countBy(edges, "toStepId")];
  const undoing = new Set(steps.map(({ compensationStepId }) => compensationStepId));
  const contexts = textContexts(steps.map(({ id }) => id));
  const found = new Map<string, string>();
  for (const { fromStepId, toStepId, label, conditionExpr } of edges) {
    const [before, step] = [byId.get(fromStepId), byId.get(toStepId)];
    if (before === undefined || step === undefined || label !== "" || conditionExpr !== "")
      continue;
    if (leaving.get(before.id) !== 1 || arriving.get(step.id) !== 1) continue;
    const areFree = [before, step].every(
      (each) =>
        WORKING.includes(shownKindOf(each)) &&
        !undoing.has(each.id) &&
        each.compensationStepId === "" &&
        !DESTRUCTIVE.test(each.actionType),
    );
    if (areFree && usesNothingOf(step, before.id, contexts)) found.set(step.id, before.id);
  }
  return found;
}

/** Without an input of its own a step gets the output of the one before it. */
function usesNothingOf(step: StepDefinition, before: string, contexts: TextContexts): boolean {
  if (ownValue(step.config, "input") === undefined) return false;
  for (const { source, context } of expressionsOfStep(step, contexts)) {
    const parsed = parseExpression(source, context);
    if (!parsed.ok || parsed.expression.reads.includes(before)) return false;
    if (readsFields(parsed.expression)) return false;
  }
  return true;
}

function countBy(
  edges: readonly EdgeDefinition[],
  end: "fromStepId" | "toStepId",
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const edge of edges) counts.set(edge[end], (counts.get(edge[end]) ?? 0) + 1);
  return counts;
}
