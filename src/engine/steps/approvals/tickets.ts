/**
 * The approval requests of a gate: which are open, which of them an id names, and whether enough can still approve.
 * Boundary: pure looks at a step's row and one way to change a ticket; what follows from a decision is approval.ts's.
 */
import type { Draft } from "../../draft/draft.ts";
import { placeOfCall } from "../../values/effect.ts";
import type { Json } from "../../values/json.ts";
import type { ApprovalTicket, StepDetail, StepRun } from "../../values/run.ts";

const REASON_CHARS_AT_MOST = 1_000;

/** How a gate stands. */
export type Standing = "approved" | "open" | "unreachable";

/** Before anything is known of it. */
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

/** Whether the ticket's time is over and the next approver has not been asked yet. */
export function isToPassOn({ decision, dueAfterMs }: ApprovalTicket): boolean {
  return decision === "expired" && dueAfterMs !== undefined;
}

/** Whether the id is the request of one of the gate's tickets. */
export function isTicketId(row: StepRun, requestId: string): boolean {
  return (row.detail.approvals ?? []).some((ticket) => ticket.requestId === requestId);
}

/** Place of the ticket that a request id names; an id that a caller recorded is the first ticket's. */
export function findTicket(row: StepRun, requestId: string): number | undefined {
  if (requestId === "") return undefined;
  const place = (row.detail.approvals ?? []).findIndex((each) => each.requestId === requestId);
  if (place >= 0) return place;
  return row.approvalRequestId === requestId ? 0 : undefined;
}

/** Place of the ticket that a call of this id is about. */
export function ticketOfCall(effectId: string): number {
  return placeOfCall(effectId) - 1;
}

/** Suffix of the calls about a ticket: the first has none. */
export function suffixOfTicket(place: number): string {
  return place === 0 ? "" : `-${place + 1}`;
}

/**
 * Writes what became known of a ticket; its time ends with a decision, unless another is told. Where there are several,
 * a reason is cut to 1,000 characters, so that all of them fit into one output.
 */
export function setTicket(
  draft: Draft,
  index: number,
  place: number,
  facts: Partial<ApprovalTicket>,
): void {
  const row = draft.rows.row(index);
  const approvals = [...(row.detail.approvals ?? [])];
  const { dueAfterMs, ...told } = { ...(approvals[place] ?? BLANK_TICKET), ...facts };
  const ticket = approvals.length < 2 ? told : { ...told, reason: shorten(told.reason) };
  const keepsTime = isOpenTicket(ticket) || facts.dueAfterMs !== undefined;
  approvals[place] = keepsTime && dueAfterMs !== undefined ? { ...ticket, dueAfterMs } : ticket;
  row.detail = { ...row.detail, approvals };
}

/** Whether enough approved, or enough can still approve, those who are yet to be asked included. */
export function standingOf(detail: StepDetail): Standing {
  const { approvals = [], requiredApprovals = 1, escalation } = detail;
  const approved = approvals.filter(isApproval).length;
  if (approved >= requiredApprovals) return "approved";
  const open = approvals.filter(isOpenTicket).length;
  const passedOn = Math.min(approvals.filter(isToPassOn).length, escalation?.to.length ?? 0);
  return approved + open + passedOn >= requiredApprovals ? "open" : "unreachable";
}

/** A ticket as it stands in the gate's output. */
export function ticketJson(ticket: ApprovalTicket): Json {
  return {
    approval_request_id: ticket.requestId,
    approver: ticket.approver,
    decision: ticket.decision,
    decided_by: ticket.decidedBy,
    reason: ticket.reason,
  };
}

// Cutting may split a pair of surrogates.
function shorten(reason: string): string {
  if (reason.length <= REASON_CHARS_AT_MOST) return reason;
  return `${reason.slice(0, REASON_CHARS_AT_MOST - 1).toWellFormed()}…`;
}

function isApproval({ decision }: ApprovalTicket): boolean {
  return decision === "approved" || decision === "auto_approved";
}
