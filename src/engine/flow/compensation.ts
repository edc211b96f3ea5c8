/**
 * Compensation of a run: the compensation steps run in reverse topological order.
 * Boundary: plans from the marks alone; each compensation runs as an ordinary step (attempts, timeouts, calls).
 * Invariants:
 * C1 a step's compensation starts when the compensations of all steps downstream of it are done.
 * C2 a step is compensated once: COMPENSATED, or its compensation step COMPLETED, means done.
 * C3 the children of a step are compensated before its own compensation step begins.
 * C4 when a compensation fails for good, independent ones finish and those upstream wait for the next CompensateRun.
 */
import type { Draft } from "../draft/draft.ts";
import { inputOf, passedOn } from "../draft/payloads.ts";
import type { JsonObject } from "../values/json.ts";
import { HAS_CHILDREN } from "../values/run.ts";
import { clearIds, keptByAttempts } from "./between-attempts.ts";
import {
  areBeingCompensated,
  compensateChildren,
  requireCompensable,
} from "./compensate-children.ts";
import { readySteps, stepsToCompensate } from "./compensation-order.ts";

/** Moves the run to COMPENSATING and starts every compensation that can start. Retries failed compensations. */
export function startCompensation(draft: Draft, reason: string): void {
  delete draft.run.completedAtMs;
  draft.moveRun("COMPENSATING", "compensate", reason);
  goOn(draft, true);
}

/** Whether a run has anything left to compensate. */
export function hasStepsToCompensate(draft: Draft): boolean {
  return stepsToCompensate(draft.graph, draft.run.stepMarks).size > 0;
}

/** A compensation step ended: marks the step that it compensated and continues upstream. */
export function compensationEnded(draft: Draft, index: number): void {
  const compensated = draft.step(index).compensates;
  if (draft.marks.state(index) === "COMPLETED" && draft.marks.state(compensated) === "COMPLETED") {
    draft.rows.require([compensated]);
    draft.moveStep(compensated, "COMPENSATED", { op: "compensated" });
  }
  if (draft.run.state === "COMPENSATING") goOn(draft, false);
}

/** A child reported while its parent compensates: the compensation of its step may now be complete. */
export function childrenWentOn(draft: Draft): void {
  if (draft.run.state === "COMPENSATING") goOn(draft, false);
}

function goOn(draft: Draft, again: boolean): void {
  let left = stepsToCompensate(draft.graph, draft.run.stepMarks);
  let ready = readySteps(draft.graph, left);
  while (compensatedNow(draft, ready, again).length > 0) {
    left = stepsToCompensate(draft.graph, draft.run.stepMarks);
    ready = readySteps(draft.graph, left);
  }
  const own = ready.filter((i) => !hasChildren(draft, i));
  const fresh = own.filter((i) => draft.marks.state(draft.step(i).compensation) === "PENDING");
  const failed = own.filter((i) => draft.marks.state(draft.step(i).compensation) === "FAILED");
  const started = again ? [...fresh, ...failed] : fresh;
  draft.rows.require(started.flatMap((i) => [i, draft.step(i).compensation]));
  for (const index of started) beginCompensation(draft, index);
  const inFlight = ready.some((i) =>
    hasChildren(draft, i)
      ? areBeingCompensated(draft, i)
      : isOpen(draft, draft.step(i).compensation),
  );
  if (inFlight || started.length > 0) return;
  draft.run.completedAtMs = draft.nowMs;
  if (left.size === 0) draft.moveRun("FAILED", "compensated");
  else draft.moveRun("FAILED", "failed", "a compensation failed");
}

/** The steps whose last child is now compensated. A step without a compensation step is then compensated itself. */
function compensatedNow(draft: Draft, ready: readonly number[], again: boolean): number[] {
  const parents = ready.filter((i) => hasChildren(draft, i));
  draft.rows.require(parents);
  requireCompensable(draft, parents, again);
  const done = parents.filter((i) => compensateChildren(draft, i, again));
  for (const index of done) {
    const isLast = draft.step(index).compensation < 0 && draft.marks.state(index) === "COMPLETED";
    if (isLast) draft.moveStep(index, "COMPENSATED", { op: "compensated" });
  }
  return done;
}

function hasChildren(draft: Draft, index: number): boolean {
  return (draft.marks.of(index) & HAS_CHILDREN) !== 0;
}

function isOpen(draft: Draft, index: number): boolean {
  const state = draft.marks.state(index);
  return state === "RUNNING" || state === "WAITING";
}

function beginCompensation(draft: Draft, index: number): void {
  const step = draft.step(index);
  const at = step.compensation;
  if (draft.marks.state(at) === "FAILED") takeUpAgain(draft, at);
  else {
    draft.insertRow(at);
    draft.moveStep(at, "RUNNING", { op: "started" });
  }
  draft.work.begin(at);
}

/** The same StepRun, its next attempt. */
function takeUpAgain(draft: Draft, at: number): void {
  const row = draft.rows.row(at);
  row.retryCount += 1;
  row.detail = keptByAttempts(row);
  clearIds(row);
  row.errorMessage = "";
  delete row.completedAtMs;
  draft.moveStep(at, "RUNNING", { op: "started" });
}

/** What the compensation of a step is given, before its own config.input. */
export function compensationInput(draft: Draft, index: number): JsonObject {
  const row = draft.rows.peek(index);
  return {
    run_id: draft.run.id,
    step_id: draft.step(index).def.id,
    state: draft.marks.state(index),
    input: inputOf(draft.payloads, index),
    output: passedOn(draft.payloads, index),
    ...(row.errorMessage === "" ? {} : { error_message: row.errorMessage }),
  };
}
