/**
 * A step's timer fired: timeout, retry, delay or escalation.
 * Boundary: compares the row's times with the draft's clock, so a timer that fires twice, early or late is harmless.
 * Invariant: timers act in the order in which they fell due, even when all fire late: after a downtime, at a resume.
 */
import type { Draft } from "../draft/draft.ts";
import { goBadly, goOnAfterTimeout } from "../flow/ending.ts";
import { releaseAttempt } from "../flow/release.ts";
import type { EdgeRole } from "../graph/graph.ts";
import { BEHAVIOURS } from "../steps/behaviours.ts";
import type { Lookups } from "../values/lookups.ts";
import type { Reply } from "../values/reply.ts";
import { expireRun } from "./expire.ts";

const TIMEOUT_ROLES: readonly EdgeRole[] = ["timeout", "timeout_action"];

/** Fires the due timers of an open step, unless the run is paused. An earlier deadline of the run comes first. */
export function stepDue(draft: Draft, index: number, lookups: Lookups): Reply {
  const { state, deadlineAtMs = Infinity } = draft.run;
  const open = draft.marks.state(index) === "RUNNING" || draft.marks.state(index) === "WAITING";
  if (!open || (state !== "RUNNING" && state !== "COMPENSATING")) return { kind: "unchanged" };
  const { timeoutAtMs = Infinity, wakeAtMs = Infinity, detail } = draft.rows.peek(index);
  const dueAtMs = Math.min(timeoutAtMs, wakeAtMs);
  if (dueAtMs > draft.nowMs) return { kind: "unchanged" };
  if (state === "RUNNING" && deadlineAtMs <= dueAtMs) return expireRun(draft);
  if (timeoutAtMs <= wakeAtMs) timeOut(draft, index);
  else if (detail.retrying) draft.work.begin(index);
  else BEHAVIOURS[draft.step(index).kind].woken({ draft, index, lookups });
  return { kind: "applied" };
}

/** Open steps with a due timer, the earliest first. Requires their rows. */
export function stepsDue(draft: Draft): number[] {
  const open = draft.marks.openSteps();
  draft.rows.require(open);
  return open
    .filter((index) => dueAt(draft, index) <= draft.nowMs)
    .sort((a, b) => dueAt(draft, a) - dueAt(draft, b) || a - b);
}

/** When the first of a step's timers falls due; Infinity without one. */
export function dueAt(draft: Draft, index: number): number {
  const { timeoutAtMs = Infinity, wakeAtMs = Infinity } = draft.rows.peek(index);
  return Math.min(timeoutAtMs, wakeAtMs);
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
    retryable: BEHAVIOURS[step.kind].retriesTimeout,
  });
}
