/**
 * A step's timer fired: its timeout, its retry, its delay or its escalation.
 * Boundary: compares the row's own times with the draft's clock, so that a timer that fires twice, early or late is harmless.
 * Invariant: what fell due first happens first, also when all of it fires late: after a downtime, at a resume.
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

/** What is due of an open step happens; nothing in a paused run. A deadline that passed before it comes first. */
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

/** Open steps with a timer that is due, the longest due first. Their rows are asked for. */
export function stepsDue(draft: Draft): number[] {
  const open = draft.marks.openSteps();
  draft.rows.require(open);
  return open
    .filter((index) => dueAt(draft, index) <= draft.nowMs)
    .sort((a, b) => dueAt(draft, a) - dueAt(draft, b) || a - b);
}

/** When the first of a step's timers falls due; Infinity: it has none. */
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
