/**
 * Requests that follow others: the next approver's when one expires, and another to the same approver when the approval
 * does not count, because its person approved another request too.
 * Boundary: calls and timers. approval.ts has decided before that the gate continues.
 * Invariants:
 * 1. A paused run makes no requests: an expired ticket keeps its time, and the resume makes them.
 * 2. The owner of the old request is informed of the escalation; the gate does not wait for its reply.
 */
import type { Draft } from "../../draft/draft.ts";
import type { ReturnedCall } from "../../values/call.ts";
import type { Reply } from "../../values/reply.ts";
import type { StepTask } from "../contract.ts";
import { askNext } from "./ask.ts";
import { approversToAskAgain, isToPassOn, setTicket, suffixOfTicket } from "./tickets.ts";

/** When a request that is recorded now expires; empty when requests never expire. */
export function timeOfTicket({ draft, index }: StepTask): { readonly dueAfterMs?: number } {
  const { startedAtMs, detail } = draft.rows.peek(index);
  const { afterMs } = detail.escalation ?? {};
  return afterMs === undefined ? {} : { dueAfterMs: draft.nowMs + afterMs - startedAtMs };
}

/** Escalates all expired requests, and asks approvers again whose approval is missing. Returns whether it escalated. */
export function passOn(task: StepTask): boolean {
  const { draft, index } = task;
  const isAsked = draft.run.state !== "PAUSED" && passOnExpired(task);
  if (draft.run.state !== "PAUSED") {
    const again = approversToAskAgain(draft.rows.peek(index).detail);
    for (const approver of again) askNext(task, approver);
  }
  wakeForTickets(draft, index);
  return isAsked;
}

function passOnExpired(task: StepTask): boolean {
  const { draft, index } = task;
  let isAsked = false;
  for (const [place, ticket] of (draft.rows.peek(index).detail.approvals ?? []).entries()) {
    if (!isToPassOn(ticket)) continue;
    setTicket(draft, index, place, {});
    isAsked = passOnOne(task, place) || isAsked;
  }
  return isAsked;
}

/** Sets the step's timer to the earliest expiry of its requests; to now where the resume makes a request. */
export function wakeForTickets(draft: Draft, index: number): void {
  const { detail, startedAtMs } = draft.rows.peek(index);
  const times = (detail.approvals ?? []).map(({ dueAfterMs = Infinity }) => dueAfterMs);
  const again = approversToAskAgain(detail).length > 0 ? draft.nowMs - startedAtMs : Infinity;
  const first = Math.min(again, ...times);
  const row = draft.rows.row(index);
  if (first === Infinity) delete row.wakeAtMs;
  else row.wakeAtMs = row.startedAtMs + first;
}

function passOnOne(task: StepTask, place: number): boolean {
  const { draft, index } = task;
  const row = draft.rows.row(index);
  const { approvals = [], escalation } = row.detail;
  const [next, ...to] = escalation?.to ?? [];
  if (escalation === undefined || next === undefined) return false;
  row.detail = { ...row.detail, escalation: { ...escalation, to } };
  const { requestId = "", reason = "" } = approvals[place] ?? {};
  if (requestId !== "") {
    const why = reason === "" ? "the request expired" : reason;
    const call = {
      kind: "escalate_approval",
      requestId,
      reason: `${why}; ${next} is asked`,
    } as const;
    draft.call(index, call, suffixOfTicket(place));
  }
  askNext(task, next);
  return true;
}

/** The gate does not wait for this call. Its failure is recorded and has no other effect. */
export function escalationReturned(
  { draft, index }: StepTask,
  { call, attempt, result }: ReturnedCall,
): Reply | undefined {
  if (call !== "escalate_approval") return undefined;
  if (result.ok) return { kind: "unchanged" };
  const { errorMessage, retryCount } = draft.rows.peek(index);
  if (errorMessage === "" && retryCount + 1 === attempt) {
    draft.rows.row(index).errorMessage = `escalation not delivered: ${result.message}`;
  }
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
  return { kind: "applied" };
}
