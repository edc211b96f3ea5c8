/**
 * Passes the result of a call to its step: awaited, not awaited, refused or late.
 * Boundary: fenced by (step, attempt, open): an answer for another attempt changes only the history. What a result does
 * is the step type's (steps/contract.ts).
 */
import type { Draft } from "../draft/draft.ts";
import { failure, goBadly } from "../flow/ending.ts";
import { isLate, isSuperseded, noteLate, noteLateObject } from "../flow/late.ts";
import { releaseAttempt } from "../flow/release.ts";
import { isTicketId } from "../steps/approvals/tickets.ts";
import { BEHAVIOURS } from "../steps/behaviours.ts";
import type { StepTask } from "../steps/contract.ts";
import type { CallKind, CallValue, ReturnedCall } from "../values/call.ts";
import type { Lookups } from "../values/lookups.ts";
import type { Reply } from "../values/reply.ts";
import type { StepRun } from "../values/run.ts";
import { rerunReturned } from "./rerun.ts";

/** Passes a result to its step and deletes the call's row in any case. */
export function callReturned(draft: Draft, returned: ReturnedCall, lookups: Lookups): Reply {
  draft.calls.finish(returned.callId);
  if (returned.call === "start_rerun") return rerunReturned(draft, returned);
  if (isIgnored(returned.call)) return { kind: "unchanged" };
  const { stepIndex: index, attempt, result } = returned;
  const task = { draft, index, lookups };
  const behaviour = BEHAVIOURS[draft.step(index).kind];
  const reply = behaviour.unawaitedReturned?.(task, returned);
  if (reply !== undefined) return reply;
  if (isLate(draft, index) || isSuperseded(draft, index, attempt)) {
    const objectId = result.ok ? openObjectOf(result.value) : "";
    if (objectId !== "" && !namesObject(draft.rows.peek(index), objectId)) {
      noteLateObject(draft, index, objectId);
    }
    return behaviour.lateReturned?.(task, returned) ?? noteLate(draft, index);
  }
  const value = result.ok ? result.value : behaviour.valueOfRefusal?.(returned.call);
  if (value !== undefined) behaviour.callReturned(task, value, returned.callId);
  else if (!result.ok) refused(task, result.message);
  return { kind: "applied" };
}

/** The object that a call made and its owner has still to end; "": none. */
function openObjectOf(value: CallValue): string {
  if (value.kind === "create_objective") return value.objectiveId;
  if (value.kind === "delegate") return value.delegationId;
  return value.kind === "request_approval" && !value.autoApproved ? value.requestId : "";
}

function namesObject(row: StepRun, id: string): boolean {
  return (
    [row.objectiveId, row.delegationId, row.approvalRequestId].includes(id) || isTicketId(row, id)
  );
}

/** The engine ignores the results of cancellations and of reports to a parent. */
function isIgnored(call: CallKind): boolean {
  return call === "cancel_objective" || call === "cancel_run" || call === "tell_parent";
}

function refused({ draft, index }: StepTask, message: string): void {
  // The attempt has ended and waits only for its cost: another refusal changes nothing.
  if (draft.rows.peek(index).detail.pendingEnd?.end !== undefined) return;
  releaseAttempt(draft, index, "the attempt failed");
  goBadly(draft, index, failure(message, true));
}
