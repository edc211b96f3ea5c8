/**
 * Applies the result of a call: to the step that waits for it, to the record of one that does not, or as a late result.
 * Boundary: fenced by (step, attempt, open): an answer for another attempt changes only the history.
 */
import type { Draft } from "../draft/draft.ts";
import { failure, goBadly } from "../flow/ending.ts";
import { isLate, noteLate } from "../flow/late.ts";
import { releaseAttempt } from "../flow/release.ts";
import { BEHAVIOURS } from "../steps/behaviours.ts";
import { startReturned } from "../steps/child-runs/ends.ts";
import { undoReturned } from "../steps/child-runs/undone.ts";
import type { CallKind, CallResult, CallValue } from "../values/call.ts";
import type { Lookups } from "../values/lookups.ts";
import type { Reply } from "../values/reply.ts";

/** The result of a call, with the attempt that made it. */
export interface Returned {
  readonly callId: string;
  readonly call: CallKind;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly result: CallResult;
}

/** Passes a result to its step and deletes the call's row in any case. */
export function callReturned(draft: Draft, returned: Returned, lookups: Lookups): Reply {
  draft.calls.finish(returned.callId);
  const { stepIndex: index, result } = returned;
  if (isNotHeard(returned.call)) return { kind: "unchanged" };
  if (returned.call === "escalate_approval") return escalationTold(draft, returned);
  if (returned.call === "start_run") return startReturned(draft, returned);
  if (returned.call === "compensate_run") return undoReturned(draft, returned);
  if (wasNotAwaited(draft, returned)) return recordNotification(draft, returned);
  const row = draft.rows.peek(index);
  const superseded = row.retryCount + 1 !== returned.attempt || row.detail.retrying === true;
  if (!superseded && result.ok && recordsDelegation(draft, index, result.value)) {
    return { kind: "applied" };
  }
  if (isLate(draft, index) || superseded) return tooLate(draft, returned);
  if (result.ok) {
    BEHAVIOURS[draft.step(index).kind].callReturned(
      { draft, index, lookups },
      result.value,
      returned.callId,
    );
  } else {
    refused(draft, returned, result.message, lookups);
  }
  return { kind: "applied" };
}

/** The engine ignores the results of cancellations and of reports to a parent. */
function isNotHeard(call: CallKind): boolean {
  return call === "cancel_objective" || call === "cancel_run" || call === "tell_parent";
}

function refused(draft: Draft, returned: Returned, message: string, lookups: Lookups): void {
  const { stepIndex: index } = returned;
  const value = valueOfRefusal(returned.call);
  if (value !== undefined) {
    BEHAVIOURS[draft.step(index).kind].callReturned(
      { draft, index, lookups },
      value,
      returned.callId,
    );
    return;
  }
  // The attempt has ended and waits only for its cost: another refusal changes nothing.
  if (draft.rows.peek(index).detail.pendingEnd?.end !== undefined) return;
  releaseAttempt(draft, index, "the attempt failed");
  goBadly(draft, index, failure(message, true));
}

/** The value of a refused read: the attempt has ended even if its output or cost stays unknown. */
function valueOfRefusal(call: CallKind): CallValue | undefined {
  if (call === "read_output") return { kind: "read_output" };
  return call === "query_usage" ? { kind: "query_usage", costUsd: 0 } : undefined;
}

/** The send of a non-blocking notification: its step COMPLETED when it began. */
function wasNotAwaited(draft: Draft, returned: Returned): boolean {
  const { config } = draft.step(returned.stepIndex).def;
  return returned.call === "send_notification" && config.blocking !== true;
}

function recordNotification(draft: Draft, returned: Returned): Reply {
  const { stepIndex: index, result } = returned;
  const row = draft.rows.row(index);
  if (!result.ok) row.errorMessage = `notification not sent: ${result.message}`;
  else if (result.value.kind === "send_notification") {
    row.notificationId = result.value.notificationId;
  }
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
  return { kind: "applied" };
}

/** The gate did not wait for this call. Its failure is recorded and has no other effect. */
function escalationTold(draft: Draft, { stepIndex: index, result, attempt }: Returned): Reply {
  if (result.ok) return { kind: "unchanged" };
  const { errorMessage, retryCount } = draft.rows.peek(index);
  if (errorMessage === "" && retryCount + 1 === attempt) {
    draft.rows.row(index).errorMessage = `escalation not delivered: ${result.message}`;
  }
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
  return { kind: "applied" };
}

/** An agent can finish before the reply of Delegate arrives: the step still records its delegation. */
function recordsDelegation(draft: Draft, index: number, value: CallValue): boolean {
  if (value.kind !== "delegate" || draft.marks.state(index) !== "COMPLETED") return false;
  draft.rows.row(index).delegationId = value.delegationId;
  draft.noteStep(index, "COMPLETED", { note: "recorded" });
  return true;
}

function tooLate(draft: Draft, returned: Returned): Reply {
  const { stepIndex: index, result } = returned;
  // Cancels an objective created for an attempt that has ended, unless the step already recorded it.
  if (result.ok && result.value.kind === "create_objective") {
    const { objectiveId } = result.value;
    if (draft.rows.peek(index).objectiveId === objectiveId) return { kind: "unchanged" };
    const reason = "the step does not wait for it any more";
    const call = { kind: "cancel_objective", objectiveId, reason } as const;
    draft.call(index, call, `-late-${returned.attempt}`);
  }
  return noteLate(draft, index);
}
