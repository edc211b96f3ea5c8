/**
 * Asking for an approval and hearing the decision: what gates and governance checks share.
 * Boundary: the request is bound to what was asked by its digest; a decision that names another is no decision.
 */

import { approvalDigest } from "../digest.ts";
import type { Draft } from "../draft.ts";
import { failure, goBadly, succeed } from "../ending.ts";
import type { ApprovalReport } from "../input.ts";
import type { Json, JsonObject } from "../json.ts";
import { inputOf } from "../payloads.ts";
import { type ApprovalTicket, MAY_HAVE_EFFECT } from "../run.ts";
import { actingAgent } from "../upstream.ts";
import { renderConfig } from "./config.ts";
import type { StepTask } from "./contract.ts";

/** Asks the approval service; the step WAITS once the request is recorded. */
export function askForApproval(task: StepTask, riskLevel: string): void {
  const { draft, index } = task;
  const input = inputOf(draft, index);
  const config = renderConfig(draft, index, input);
  if (!config.ok) {
    goBadly(draft, index, failure(config.problem, true));
    return;
  }
  const { def } = draft.step(index);
  const digest = approvalDigest(def.id, draft.run.definitionVersion, input);
  const approver = firstApprover(config.value.approvers);
  const row = draft.row(index);
  const ticket = { approver, requestId: "", decision: "", decidedBy: "", reason: "" };
  row.detail = { ...row.detail, digest, riskLevel, approvals: [ticket] };
  draft.addFlag(index, MAY_HAVE_EFFECT);
  draft.call(index, {
    kind: "request_approval",
    ticket: 0,
    workspaceId: draft.run.workspaceId,
    agentId: actingAgent(draft, index),
    actionType: def.actionType === "" ? def.name : def.actionType,
    riskLevel,
    payload: input,
    context: { run_id: draft.run.id, step_id: def.id, digest },
    approver,
  });
}

/** The request exists: record it and wait, or go on at once when the service approved it by itself. */
export function approvalRequested(task: StepTask, requestId: string, autoApproved: boolean): void {
  const { draft, index } = task;
  const row = draft.row(index);
  row.approvalRequestId = requestId;
  setTicket(draft, index, { requestId });
  draft.learnedIds.push({ stepIndex: index, id: requestId });
  if (autoApproved) {
    setTicket(draft, index, { decision: "auto_approved" });
    approve(task);
  } else if (draft.state(index) === "RUNNING") {
    draft.moveStep(index, "WAITING", { op: "waiting" });
  }
}

/** A decision came; one that names another digest is none. Returns false when it changes nothing. */
export function approvalDecided(task: StepTask, report: ApprovalReport): boolean {
  const { draft, index } = task;
  const { digest } = draft.peek(index).detail;
  if (report.digest !== "" && report.digest !== digest) return false;
  const facts = { decidedBy: report.decidedBy, reason: report.reason };
  setTicket(draft, index, { ...facts, decision: report.decision.toLowerCase() });
  switch (report.decision) {
    case "APPROVED":
    case "AUTO_APPROVED":
      approve(task);
      return true;
    case "DENIED":
      refuse(task, "denied", report.reason);
      return true;
    case "EXPIRED":
      refuse(task, "expired", report.reason);
      return true;
  }
  return report.decision === "ESCALATED";
}

/** Approved: the input goes on, with who decided and what was asked. */
export function approve(task: StepTask, more: JsonObject = {}): void {
  const { draft, index } = task;
  const { approvals = [], digest } = draft.peek(index).detail;
  const output = {
    approvals: approvals.map(ticketJson),
    ...(digest === undefined ? {} : { digest }),
    ...more,
  };
  succeed(draft, index, { output, extendsInput: true });
}

/** Denied or expired: never retried. */
export function refuse(task: StepTask, outcome: "denied" | "expired", reason: string): void {
  goBadly(task.draft, task.index, {
    roles: [outcome],
    outcome,
    message: reason === "" ? outcome : `${outcome}: ${reason}`,
    retryable: false,
  });
}

function setTicket(draft: Draft, index: number, facts: Partial<ApprovalTicket>): void {
  const row = draft.row(index);
  const [first, ...rest] = row.detail.approvals ?? [];
  if (first === undefined) return;
  row.detail = { ...row.detail, approvals: [{ ...first, ...facts }, ...rest] };
}

function ticketJson(ticket: ApprovalTicket): Json {
  return {
    approval_request_id: ticket.requestId,
    approver: ticket.approver,
    decision: ticket.decision,
    decided_by: ticket.decidedBy,
    reason: ticket.reason,
  };
}

function firstApprover(value: Json | undefined): string {
  const first = Array.isArray(value) ? value[0] : undefined;
  return typeof first === "string" ? first : "";
}
