/**
 * Cancels the steps that have not ended: the run is cancelled, has failed, or is about to be compensated.
 * Boundary: cancels steps and their objectives. The caller moves the run, except in failRun.
 */

import type { Draft } from "../draft/draft.ts";
import { isFinalStep } from "../values/run.ts";
import { startCompensation } from "./compensation.ts";
import { cancelStep } from "./ending.ts";
import { releaseAttempt, requireOpenChildren } from "./release.ts";

/** Cancels every step that has not ended. `message` becomes the error_message of the steps in flight. */
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
  // A run that ends has no further consequences of its steps.
  draft.work.drop();
  draft.run.unsettled = [];
}

/** An uncaught failure, or the deadline: the run FAILS and, if the step says so, is compensated at once. */
export function failRun(draft: Draft, compensate: boolean, reason = "", message = ""): void {
  cancelOpenSteps(draft, reason === "" ? "the run failed" : reason, message);
  draft.run.completedAtMs = draft.nowMs;
  draft.moveRun("FAILED", "failed", reason);
  if (compensate) startCompensation(draft, "config.on_error: compensate");
}
