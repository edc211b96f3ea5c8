/**
 * Steps that have not ended are cancelled: because the run is cancelled, failed or about to be undone.
 * Boundary: cancels and asks objectives to stop; the run's own move is the caller's, except for failRun.
 */

import type { Draft } from "../draft/draft.ts";
import { isFinalStep } from "../values/run.ts";
import { startCompensation } from "./compensation.ts";
import { cancelStep } from "./ending.ts";
import { releaseAttempt, requireOpenChildren } from "./release.ts";

/** Cancels every step that has not ended. `message` stands in the error_message of those in flight. */
export function cancelOpenSteps(draft: Draft, reason: string, message = ""): void {
  const open = draft.graph.steps
    .filter((step) => !step.isCompensation || draft.marks.hasRow(step.index))
    .map((step) => step.index)
    .filter((index) => !isFinalStep(draft.marks.state(index)));
  draft.rows.require(open);
  requireOpenChildren(draft, open);
  for (const index of open) {
    releaseAttempt(draft, index, reason);
    cancelStep(draft, index, message);
  }
  // What follows from a step does not follow in a run that ends.
  draft.work.drop();
  draft.run.unsettled = [];
}

/** An uncaught failure, or the deadline: the run FAILS and, where the step says so, is undone at once. */
export function failRun(draft: Draft, compensate: boolean, reason = "", message = ""): void {
  cancelOpenSteps(draft, reason === "" ? "the run failed" : reason, message);
  draft.run.completedAtMs = draft.nowMs;
  draft.moveRun("FAILED", "failed", reason);
  if (compensate) startCompensation(draft, "config.on_error: compensate");
}
