/** The run's deadline passed: the run FAILS, even while it is paused. */

import type { Draft } from "../draft/draft.ts";
import { failRun } from "../flow/cancel-open.ts";
import type { Reply } from "../values/reply.ts";

/** Fails a run that is past its deadline by the database's clock; any other run stays as it is. */
export function expireRun(draft: Draft): Reply {
  const { state, deadlineAtMs } = draft.run;
  const open = state === "PENDING" || state === "RUNNING" || state === "PAUSED";
  if (!open || deadlineAtMs === undefined || draft.nowMs < deadlineAtMs)
    return { kind: "unchanged" };
  failRun(draft, false, "deadline", "cancelled: the run's deadline passed");
  return { kind: "applied" };
}
