/** CompensateRun: compensates a run, also one that has not ended; continues where an earlier attempt stopped. */

import type { Draft } from "../draft/draft.ts";
import { cancelOpenSteps } from "../flow/cancel-open.ts";
import { hasStepsToCompensate, startCompensation } from "../flow/compensation.ts";
import type { Reply } from "../values/reply.ts";
import { refuseMove } from "./refused.ts";

/**
 * To COMPENSATING from FAILED, CANCELLED, RUNNING or PAUSED, and from COMPLETED when the parent's step is compensated;
 * unchanged when nothing is left to compensate.
 */
export function compensateRun(draft: Draft, reason: string, byParent: boolean): Reply {
  const { state } = draft.run;
  if (state === "COMPENSATING") return { kind: "unchanged" };
  if (state === "FAILED" || state === "CANCELLED" || (state === "COMPLETED" && byParent)) {
    if (!hasStepsToCompensate(draft)) {
      const nothingLeft = { costUsd: draft.run.totalCostUsd };
      return { kind: "unchanged", ...(byParent ? { nothingLeft } : {}) };
    }
  } else if (state === "RUNNING" || state === "PAUSED") {
    cancelOpenSteps(draft, reason === "" ? "the run is compensated" : reason);
  } else {
    return refuseMove("compensate", state, "COMPENSATING");
  }
  startCompensation(draft, reason);
  return { kind: "applied" };
}
