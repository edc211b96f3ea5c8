/**
 * Time of approval requests: a request whose time is over is escalated, and the next approver is asked.
 * Boundary: calls and timers; whether the gate goes on at all was decided before (approval.ts).
 * Invariants:
 * 1. A paused run asks nobody: what expired keeps its time and is passed on at the resume.
 * 2. The escalation of the old request is told to its owner and never waited for.
 */
import type { Draft } from "../../draft/draft.ts";
import type { StepTask } from "../contract.ts";
import { askNext } from "./ask.ts";
import { isToPassOn, setTicket, suffixOfTicket } from "./tickets.ts";

/** The time of a request that is recorded now; nothing where requests have no end. */
export function timeOfTicket({ draft, index }: StepTask): { readonly dueAfterMs?: number } {
  const { startedAtMs, detail } = draft.rows.peek(index);
  const { afterMs } = detail.escalation ?? {};
  return afterMs === undefined ? {} : { dueAfterMs: draft.nowMs + afterMs - startedAtMs };
}

/** Passes on all requests that expired. Returns whether somebody was asked. */
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

/** The step is woken by the first time of its requests. */
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
