/**
 * Applies decisions on approval requests (by call, event or TransitionStep), and ends the gate by them.
 * Boundary: shared by gates and governance checks. ask.ts makes the requests, escalation.ts keeps their time.
 * Invariants:
 * 1. A request is bound to its content by a digest. A decision with another digest does not count.
 * 2. A ticket is decided once: a decision after the first, or after the request expired, is late.
 * 3. The gate ends when enough persons have approved or enough no longer can. The last decision gives the outcome.
 * 4. A person's approvals of several requests count once.
 * 5. An approval with edits gives the edited input on, with the digest of what was approved. One with edits that the run does not have
 *    counts as a denial.
 */
import type { Draft } from "../../draft/draft.ts";
import { inputOf } from "../../draft/payloads.ts";
import { goBadly, succeed } from "../../flow/ending.ts";
import { noteLate } from "../../flow/late.ts";
import type { ApprovalReport, StepReport } from "../../values/input.ts";
import type { JsonObject } from "../../values/json.ts";
import { mergePatch } from "../../values/merge-patch.ts";
import type { Reply } from "../../values/reply.ts";
import type { StepRun } from "../../values/run.ts";
import type { KeptEdits } from "../../values/step-detail.ts";
import type { StepTask } from "../contract.ts";
import { editableOf, editsOfDecision, fieldsOf, readMark } from "./edits.ts";
import { passOn, timeOfTicket, wakeForTickets } from "./escalation.ts";
import {
  findTicket,
  isOpenTicket,
  setTicket,
  standingOf,
  ticketJson,
  ticketOfCall,
  whoApprovedTwice,
} from "./tickets.ts";

/** A request is recorded. The step is WAITING when all are; an automatic approval decides at once. */
export function approvalRequested(
  task: StepTask,
  { requestId, autoApproved }: { readonly requestId: string; readonly autoApproved: boolean },
  callId: string,
): void {
  const { draft, index } = task;
  const place = ticketOfCall(callId);
  if (place === 0) draft.rows.row(index).approvalRequestId = requestId;
  setTicket(draft, index, place, { requestId, ...timeOfTicket(task) });
  draft.learnedIds.push({ stepIndex: index, id: requestId });
  if (autoApproved) {
    setTicket(draft, index, place, { decision: "auto_approved" });
    if (endIfDecided(task, "denied", "")) return;
  }
  wakeForTickets(draft, index);
  const { approvals = [] } = draft.rows.peek(index).detail;
  const areAllRecorded = approvals.every((ticket) => ticket.requestId !== "");
  if (areAllRecorded && draft.marks.state(index) === "RUNNING") {
    draft.moveStep(index, "WAITING", { op: "waiting" });
  }
}

/** Those that `decide` applies. */
const DECISIONS = ["APPROVED", "AUTO_APPROVED", "DENIED", "EXPIRED", "ESCALATED"];

/** Whether a decision would count: on an open request of the gate, for its content. */
export function isAwaited(row: StepRun, { requestId, digest, decision }: ApprovalReport): boolean {
  const place = findTicket(row, requestId);
  if (place === undefined || !DECISIONS.includes(decision)) return false;
  if (digest !== "" && digest.toLowerCase() !== row.detail.digest) return false;
  const ticket = row.detail.approvals?.[place];
  return ticket === undefined || isOpenTicket(ticket);
}

/** A decision arrived by event or poll. */
export function approvalDecided(task: StepTask, report: ApprovalReport): Reply {
  const { draft, index } = task;
  const row = draft.rows.peek(index);
  const place = findTicket(row, report.requestId);
  if (place === undefined) return { kind: "unchanged" };
  if (report.digest !== "" && report.digest.toLowerCase() !== row.detail.digest) {
    // A poll repeats: its result is not recorded each time.
    return report.reconciled === true ? { kind: "unchanged" } : noteLate(draft, index);
  }
  const ticket = row.detail.approvals?.[place];
  if (ticket !== undefined && !isOpenTicket(ticket)) {
    // This includes the event of an escalation that this gate requested.
    return report.decision === "ESCALATED" ? { kind: "unchanged" } : noteLate(draft, index);
  }
  return decide(task, place, report);
}

/**
 * TransitionStep decides the request that it names, or the only one. Without a named request among several it decides
 * the gate, and no ticket gets a decision that its approver did not make.
 */
export function decideByHand(task: StepTask, report: StepReport): void {
  const { draft, index } = task;
  const row = draft.rows.peek(index);
  const only = row.detail.approvals?.length === 1 ? 0 : undefined;
  const place = findTicket(row, report.approvalRequestId) ?? only;
  const isApproval = report.state === "COMPLETED";
  const { agentId: decidedBy, errorMessage: reason } = report;
  if (place !== undefined) {
    const decision = isApproval ? "approved" : "denied";
    setTicket(draft, index, place, { decision, decidedBy, reason });
    goOn(task, "denied", isApproval ? whyNotEnough(task) : reason, report.output);
  } else if (isApproval) approve(task, report.output);
  else refuse(task, "denied", reason);
}

/** Whether TransitionStep names a request that is decided or expired. */
export function namesDecided(row: StepRun, requestId: string): boolean {
  const place = findTicket(row, requestId);
  const ticket = place === undefined ? undefined : row.detail.approvals?.[place];
  return ticket !== undefined && !isOpenTicket(ticket);
}

/** The digest in a caller's output, if it differs from that of the request. */
export function findOtherDigest(row: StepRun, output: JsonObject = {}): string | undefined {
  const { digest } = row.detail;
  const named = Object.hasOwn(output, "digest") ? output.digest : undefined;
  if (digest === undefined || named === undefined || named === digest) return undefined;
  return JSON.stringify(named);
}

/** Approved: the output is the input, perhaps edited, with the decisions and the digest of what was approved. */
function approve(task: StepTask, more: JsonObject = {}): void {
  const { draft, index } = task;
  const { approvals = [] } = draft.rows.peek(index).detail;
  const facts = { ...more, ...askedAndDecided(draft, index) };
  const ticket = approvals.find(({ edited }) => edited !== undefined);
  if (ticket?.edited === undefined) {
    succeed(draft, index, { output: facts, extendsInput: true });
    return;
  }
  const { patch, digest } = ticket.edited;
  // A field that was removed cannot be told as an addition to the input.
  const input = mergePatch(inputOf(draft.payloads, index), patch);
  const output = { ...input, ...facts, digest, edits: patch, edited_by: ticket.decidedBy };
  succeed(draft, index, { output, extendsInput: false });
}

/** Denied or expired: never retried. A gate with several requests adds each decision to its output. */
export function refuse(task: StepTask, outcome: "denied" | "expired", reason: string): void {
  const { draft, index } = task;
  const { approvals = [] } = draft.rows.peek(index).detail;
  goBadly(draft, index, {
    roles: [outcome],
    outcome,
    message: reason === "" ? outcome : `${outcome}: ${reason}`,
    retryable: false,
    ...(approvals.length < 2 ? {} : { facts: askedAndDecided(draft, index) }),
  });
}

/** Requests expired: escalates them to the next approvers, unless enough approvals are no longer possible. */
export function ticketsExpired(task: StepTask): void {
  const { draft, index } = task;
  const { startedAtMs, detail } = draft.rows.peek(index);
  const { approvals = [], escalation } = detail;
  const reason = `no decision within ${(escalation?.afterMs ?? 0) / 1000} s`;
  for (const [place, ticket] of approvals.entries()) {
    const { dueAfterMs = Infinity } = ticket;
    if (!isOpenTicket(ticket) || startedAtMs + dueAfterMs > draft.nowMs) continue;
    setTicket(draft, index, place, { decision: "expired", reason, dueAfterMs });
  }
  goOn(task, "expired", reason);
}

function decide(task: StepTask, place: number, report: ApprovalReport): Reply {
  const { draft, index } = task;
  const { startedAtMs, detail } = draft.rows.peek(index);
  const edits = editsOfDecision(detail, report);
  const { decidedBy } = report;
  if (edits === "unknown") return refuseUnknown(task, place, report);
  const reason = edits === undefined ? report.reason : readMark(report.reason).reason;
  const tell = (decision: string) =>
    setTicket(draft, index, place, { decidedBy, reason, decision });
  switch (report.decision) {
    case "APPROVED":
    case "AUTO_APPROVED":
      tell(report.decision.toLowerCase());
      if (edits !== undefined) takeUp(task, place, edits);
      goOn(task, "denied", whyNotEnough(task));
      return { kind: "applied" };
    case "DENIED":
      tell("denied");
      goOn(task, "denied", reason);
      return { kind: "applied" };
    case "EXPIRED":
      setTicket(draft, index, place, {
        ...{ decidedBy, reason, decision: "expired" },
        ...(detail.escalation === undefined ? {} : { dueAfterMs: draft.nowMs - startedAtMs }),
      });
      goOn(task, "expired", reason);
      return { kind: "applied" };
    case "ESCALATED":
      tell("escalated");
      return { kind: "applied" };
  }
  return noteLate(draft, index);
}

/** What was approved is not known: to go on with the input as it was asked would be what nobody has approved. */
function refuseUnknown(
  task: StepTask,
  place: number,
  { decidedBy, reason: marked }: ApprovalReport,
): Reply {
  const reason = `it was approved with edits that the run does not have: ${marked}`;
  setTicket(task.draft, task.index, place, { decidedBy, reason, decision: "denied" });
  goOn(task, "denied", reason);
  return { kind: "applied" };
}

/** The approval is one of the edited input; the history names its fields. */
function takeUp({ draft, index }: StepTask, place: number, { patch, digest }: KeptEdits): void {
  setTicket(draft, index, place, { edited: { patch, digest } });
  draft.noteReason(index, fieldsOf(editableOf(draft.step(index).def), patch));
  draft.noteStep(index, draft.marks.state(index), { note: "edited" });
}

/** Ends the gate, or records the decision and escalates what expired. */
function goOn(
  task: StepTask,
  outcome: "denied" | "expired",
  reason: string,
  more: JsonObject = {},
): void {
  if (endIfDecided(task, outcome, reason, more)) return;
  const { draft, index } = task;
  const note = passOn(task) ? "escalated" : "recorded";
  draft.noteStep(index, draft.marks.state(index), { note });
}

/** Why an approval may end a gate as denied. */
function whyNotEnough({ draft, index }: StepTask): string {
  const person = whoApprovedTwice(draft.rows.peek(index).detail);
  return person === undefined ? "" : `${person} approved several requests and counts once`;
}

function endIfDecided(
  task: StepTask,
  outcome: "denied" | "expired",
  reason: string,
  more: JsonObject = {},
): boolean {
  const standing = standingOf(task.draft.rows.peek(task.index).detail);
  if (standing === "approved") approve(task, more);
  if (standing === "unreachable") refuse(task, outcome, reason);
  return standing !== "open";
}

function askedAndDecided(draft: Draft, index: number): JsonObject {
  const { approvalRequestId, detail } = draft.rows.peek(index);
  const { approvals = [], digest } = detail;
  return {
    // A caller may have recorded the first request's id before the reply of its call arrived.
    approvals: approvals.map((ticket, place) =>
      ticketJson(place === 0 ? { ...ticket, requestId: approvalRequestId } : ticket),
    ),
    ...(digest === undefined ? {} : { digest }),
  };
}
