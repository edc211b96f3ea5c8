/** CancelRun: cancels every step that has not ended, and its objective. Does not compensate. */

import type { Draft } from "../draft/draft.ts";
import { cancelOpenSteps } from "../flow/cancel-open.ts";
import { STEP_FACTS } from "../steps/registry.ts";
import type { Reply } from "../values/reply.ts";
import type { RunState } from "../values/run.ts";
import { type Refused, refuseMove } from "./refused.ts";

/** From PENDING, RUNNING or PAUSED to CANCELLED; a cancelled run stays as it is. */
export function cancelRun(draft: Draft, reason: string): Reply {
  const { state } = draft.run;
  if (state === "CANCELLED") return { kind: "unchanged" };
  const refusal = refuseCancel(state);
  if (refusal !== undefined) return refusal;
  cancelOpenSteps(draft, reason === "" ? "the run was cancelled" : reason);
  for (const { type, index } of draft.graph.steps) {
    if (STEP_FACTS[type].isDroppedOnCancel && draft.marks.hasRow(index)) draft.calls.dropOf(index);
  }
  draft.run.completedAtMs = draft.nowMs;
  draft.moveRun("CANCELLED", "cancel", reason);
  return { kind: "applied" };
}

/** Why a run in this state is not cancelled; undefined where it may be, or is already. */
export function refuseCancel(state: RunState): Refused | undefined {
  const isLegal = ["PENDING", "RUNNING", "PAUSED", "CANCELLED"].includes(state);
  return isLegal ? undefined : refuseMove("cancel", state, "CANCELLED");
}
