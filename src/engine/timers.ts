/**
 * A step's timer fired: its timeout, its retry, its delay or its escalation.
 * Boundary: compares the row's own times with the draft's clock, so that a timer that fires twice, early or late is harmless.
 */
import type { Draft } from "./draft.ts";
import { goBadly, goOnAfterTimeout } from "./ending.ts";
import type { EdgeRole } from "./graph/graph.ts";
import type { Lookups } from "./lookups.ts";
import type { Reply } from "./outcome.ts";
import { releaseAttempt } from "./release.ts";
import { STEP_KINDS } from "./steps/registry.ts";

const TIMEOUT_ROLES: readonly EdgeRole[] = ["timeout", "timeout_action"];

/** What is due of an open step happens; nothing in a paused run. */
export function stepDue(draft: Draft, index: number, lookups: Lookups): Reply {
  const { state } = draft.run;
  const open = draft.state(index) === "RUNNING" || draft.state(index) === "WAITING";
  if (!open || (state !== "RUNNING" && state !== "COMPENSATING")) return { kind: "unchanged" };
  const row = draft.peek(index);
  if (row.timeoutAtMs !== undefined && row.timeoutAtMs <= draft.nowMs) timeOut(draft, index);
  else if (row.wakeAtMs === undefined || row.wakeAtMs > draft.nowMs) return { kind: "unchanged" };
  else if (row.detail.retrying) draft.toBegin.push(index);
  else STEP_KINDS[draft.step(index).type].woken({ draft, index, lookups });
  return { kind: "applied" };
}

function timeOut(draft: Draft, index: number): void {
  const step = draft.step(index);
  releaseAttempt(draft, index, "the step timed out");
  if (step.timeoutAction === "continue") {
    goOnAfterTimeout(draft, index);
    return;
  }
  goBadly(draft, index, {
    roles: TIMEOUT_ROLES,
    ...(step.timeoutAction === "" ? {} : { label: step.timeoutAction }),
    outcome: "timeout",
    message: `timed out after ${step.timeoutMs / 1000} s`,
    retryable: STEP_KINDS[step.type].retriesTimeout,
  });
}
