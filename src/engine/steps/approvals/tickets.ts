/**
 * The approval requests of a gate: which are open, which one an id names, and whether enough can still approve.
 * Boundary: reads a step's row, and changes one ticket. approval.ts acts on decisions.
 */
import type { Draft } from "../../draft/draft.ts";
import { placeOfCall } from "../../values/call.ts";
import type { Json } from "../../values/json.ts";
import type { StepRun } from "../../values/run.ts";
import type { ApprovalTicket, StepDetail } from "../../values/step-detail.ts";

const REASON_CHARS_AT_MOST = 1_000;

/** The most requests that an approver gets when approvals of his request do not count. */
const REQUESTS_PER_APPROVER = 2;

/** The state of a gate's approvals. */
export type Standing = "approved" | "open" | "unreachable";

/** A ticket before any report. */
export const BLANK_TICKET: ApprovalTicket = {
  approver: "",
  requestId: "",
  decision: "",
  decidedBy: "",
  reason: "",
};

/** Whether a decision on the ticket still counts. A request that its owner escalated stays open. */
export function isOpenTicket({ decision }: ApprovalTicket): boolean {
  return decision === "" || decision === "escalated";
}

/** Whether the request expired and the gate has not requested the next approver yet. */
export function isToPassOn({ decision, dueAfterMs }: ApprovalTicket): boolean {
  return decision === "expired" && dueAfterMs !== undefined;
}

/** Whether the id belongs to one of the gate's requests. */
export function isTicketId(row: StepRun, requestId: string): boolean {
  return (row.detail.approvals ?? []).some((ticket) => ticket.requestId === requestId);
}

/** Place of the ticket that a request id names; an id recorded by a caller belongs to the first ticket. */
export function findTicket(row: StepRun, requestId: string): number | undefined {
  if (requestId === "") return undefined;
  const place = (row.detail.approvals ?? []).findIndex((each) => each.requestId === requestId);
  if (place >= 0) return place;
  return row.approvalRequestId === requestId ? 0 : undefined;
}

/** Place of the ticket of a call with this id. */
export function ticketOfCall(callId: string): number {
  return placeOfCall(callId) - 1;
}

/** Suffix of a ticket's calls: empty for the first ticket. */
export function suffixOfTicket(place: number): string {
  return place === 0 ? "" : `-${place + 1}`;
}

/**
 * Updates a ticket. A decision removes its expiry, unless `facts` sets one. With several tickets a reason is cut to
 * 1,000 characters, so that all of them fit into one output.
 */
export function setTicket(
  draft: Draft,
  index: number,
  place: number,
  facts: Partial<ApprovalTicket>,
): void {
  const row = draft.rows.row(index);
  const approvals = [...(row.detail.approvals ?? [])];
  const { dueAfterMs, ...kept } = { ...(approvals[place] ?? BLANK_TICKET), ...facts };
  const ticket = approvals.length < 2 ? kept : { ...kept, reason: shorten(kept.reason) };
  const keepsTime = isOpenTicket(ticket) || facts.dueAfterMs !== undefined;
  approvals[place] = keepsTime && dueAfterMs !== undefined ? { ...ticket, dueAfterMs } : ticket;
  row.detail = { ...row.detail, approvals };
}

/** Whether enough have approved, or still can, counting the approvers that the gate will escalate to or ask again. */
export function standingOf(detail: StepDetail): Standing {
  const { approvals = [], requiredApprovals = 1 } = detail;
  if (approvalsCounted(approvals) >= requiredApprovals) return "approved";
  const missing = missingOf(detail);
  return missing <= repeatsOf(approvals).filter(isToAskAgain).length ? "open" : "unreachable";
}

/** How many have approved. A person counts once, however many requests this person approved. */
export function approvalsCounted(approvals: readonly ApprovalTicket[]): number {
  return new Set(approvals.filter(isApproval).map(personOf)).size;
}

/** The approvers that the gate asks again: a person approved their request and another one, and no open request is left instead. */
export function approversToAskAgain(detail: StepDetail): string[] {
  const again = repeatsOf(detail.approvals ?? []).filter(isToAskAgain);
  return again.slice(0, Math.max(0, missingOf(detail))).map(({ ticket }) => ticket.approver);
}

/** Which person's approvals do not all count; undefined: each counts. */
export function whoApprovedTwice({ approvals = [] }: StepDetail): string | undefined {
  const [first] = repeatsOf(approvals);
  return first && personOf(first.ticket);
}

/** How many approvals are missing when all open requests are approved, and those that take the place of expired ones. */
function missingOf({ approvals = [], requiredApprovals = 1, escalation }: StepDetail): number {
  const open = approvals.filter(isOpenTicket).length;
  const passedOn = Math.min(approvals.filter(isToPassOn).length, escalation?.to.length ?? 0);
  return requiredApprovals - approvalsCounted(approvals) - open - passedOn;
}

interface Repeat {
  readonly ticket: ApprovalTicket;
  /** How many requests the approver has had. */
  readonly requests: number;
  readonly isLatest: boolean;
}

/** The approvals that do not count. Of a person's approvals the one that this person was asked for counts, else the first. */
function repeatsOf(approvals: readonly ApprovalTicket[]): Repeat[] {
  const given = approvals.filter(isApproval);
  const counted = new Map<string, ApprovalTicket>();
  for (const ticket of given) {
    const person = personOf(ticket);
    if (!counted.has(person) || ticket.approver === person) counted.set(person, ticket);
  }
  const repeats = given.filter((ticket) => counted.get(personOf(ticket)) !== ticket);
  return repeats.map((ticket) => {
    const requests = approvals.filter(({ approver }) => approver === ticket.approver);
    return { ticket, requests: requests.length, isLatest: requests.at(-1) === ticket };
  });
}

function isToAskAgain({ requests, isLatest }: Repeat): boolean {
  return isLatest && requests < REQUESTS_PER_APPROVER;
}

/** Who approved. An automatic approval, and one that names no person, counts for the approver who was asked. */
function personOf({ approver, decision, decidedBy }: ApprovalTicket): string {
  return decision === "auto_approved" || decidedBy === "" ? approver : decidedBy;
}

/** A ticket in the gate's output. */
export function ticketJson(ticket: ApprovalTicket): Json {
  return {
    approval_request_id: ticket.requestId,
    approver: ticket.approver,
    decision: ticket.decision,
    decided_by: ticket.decidedBy,
    reason: ticket.reason,
  };
}

// The cut may split a surrogate pair.
function shorten(reason: string): string {
  if (reason.length <= REASON_CHARS_AT_MOST) return reason;
  return `${reason.slice(0, REASON_CHARS_AT_MOST - 1).toWellFormed()}…`;
}

function isApproval({ decision }: ApprovalTicket): boolean {
  return decision === "approved" || decision === "auto_approved";
}
