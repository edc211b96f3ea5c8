/** CompensateRun: compensates a run, also one that has not ended; continues where an earlier attempt stopped. */

import type { Draft } from "../draft/draft.ts";
import { cancelOpenSteps } from "../flow/cancel-open.ts";
import { hasStepsToCompensate, startCompensation } from "../flow/compensation.ts";
import type { Reply } from "../values/reply.ts";
import { isFinalRun, type RunState } from "../values/run.ts";
import { type Refused, refuseMove } from "./refused.ts";

/**
 * To COMPENSATING from FAILED, CANCELLED, RUNNING or PAUSED, and from COMPLETED when the parent's step is compensated;
 * unchanged when nothing is left to compensate.
 */
export function compensateRun(draft: Draft, reason: string, byParent: boolean): Reply {
  const { state } = draft.run;
  const refusal = byParent && state === "COMPLETED" ? undefined : refuseCompensation(state);
  if (refusal !== undefined) return refusal;
  if (state === "COMPENSATING") return { kind: "unchanged" };
  if (isFinalRun(state)) {
    if (!hasStepsToCompensate(draft)) {
      const nothingLeft = { costUsd: draft.run.totalCostUsd };
      return { kind: "unchanged", ...(byParent ? { nothingLeft } : {}) };
    }
  } else {
    cancelOpenSteps(draft, reason === "" ? "the run is compensated" : reason);
  }
  startCompensation(draft, reason);
  return { kind: "applied" };
}

/** Why a caller may not compensate a run in this state; undefined where it may. */
export function refuseCompensation(state: RunState): Refused | undefined {
  const isLegal = state !== "PENDING" && state !== "COMPLETED";
  return isLegal ? undefined : refuseMove("compensate", state, "COMPENSATING");
}
