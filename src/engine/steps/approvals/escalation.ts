/**
 * Expiry of approval requests: an expired request is escalated, and the gate requests the next approver.
 * Boundary: calls and timers. approval.ts has decided before that the gate continues.
 * Invariants:
 * 1. A paused run makes no requests: an expired ticket keeps its time, and the resume escalates it.
 * 2. The owner of the old request is informed of the escalation; the gate does not wait for its reply.
 */
import type { Draft } from "../../draft/draft.ts";
import type { ReturnedCall } from "../../values/call.ts";
import type { Reply } from "../../values/reply.ts";
import type { StepTask } from "../contract.ts";
import { askNext } from "./ask.ts";
import { isToPassOn, setTicket, suffixOfTicket } from "./tickets.ts";

/** When a request that is recorded now expires; empty when requests never expire. */
export function timeOfTicket({ draft, index }: StepTask): { readonly dueAfterMs?: number } {
  const { startedAtMs, detail } = draft.rows.peek(index);
  const { afterMs } = detail.escalation ?? {};
  return afterMs === undefined ? {} : { dueAfterMs: draft.nowMs + afterMs - startedAtMs };
}

/** Escalates all expired requests. Returns whether it requested an approver. */
export function passOn(task: StepTask): boolean {
  const { draft, index } = task;
  const { approvals = [], escalation } = draft.rows.peek(index).detail;
  if (escalation === undefined) return false;
  const expired = draft.run.state === "PAUSED" ? [] : [...approvals.entries()];
  let isAsked = false;
  for (const [place, ticket] of expired) {
    if (!isToPassOn(ticket)) continue;
    setTicket(draft, index, place, {});
    isAsked = passOnOne(task, place) || isAsked;
  }
  wakeForTickets(draft, index);
  return isAsked;
}

/** Sets the step's timer to the earliest expiry of its requests. */
export function wakeForTickets(draft: Draft, index: number): void {
  const { approvals = [], escalation } = draft.rows.peek(index).detail;
  if (escalation === undefined) return;
  const first = Math.min(...approvals.map(({ dueAfterMs = Infinity }) => dueAfterMs));
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
