/**
 * Creates approval requests: one per approver, all at once, and one more for each escalation.
 * Boundary: requests the calls and stores the tickets. approval.ts and escalation.ts handle the decisions.
 * Invariants:
 * 1. Every request carries the digest of its content, and the step stores it.
 * 2. The n-th request of an attempt has its own id: a repeat never creates a second request for an approver.
 */

import { inputOf } from "../../draft/payloads.ts";
import { actingAgent } from "../../draft/upstream.ts";
import { failure, goBadly } from "../../flow/ending.ts";
import type { StepDefinition } from "../../values/definition.ts";
import { approvalDigest } from "../../values/digest.ts";
import { type JsonObject, ownValue } from "../../values/json.ts";
import { MAY_HAVE_ACTED } from "../../values/run.ts";
import { askedOf } from "../asked.ts";
import type { StepTask } from "../contract.ts";
import { renderConfig } from "../render-config.ts";
import { readApprovalPlan } from "./plan.ts";
import { BLANK_TICKET, suffixOfTicket } from "./tickets.ts";

/** Creates the requests; the step is WAITING once all of them are recorded. */
export function askForApproval(task: StepTask, riskLevel: string): void {
  const { draft, index } = task;
  const input = inputOf(draft.payloads, index);
  const config = renderConfig(draft, index, input);
  if (!config.ok) {
    goBadly(draft, index, failure(config.problem, true));
    return;
  }
  const plan = readApprovalPlan(config.value);
  if (!plan.ok) {
    goBadly(draft, index, failure(plan.problem, true));
    return;
  }
  const { approvers, required, escalation } = plan.value;
  const digest = approvalDigest(draft.step(index).def.id, draft.run.definitionVersion, input);
  const asked = askedOf(config.value, draft.step(index).def.config ?? {});
  const row = draft.rows.row(index);
  row.detail = {
    ...row.detail,
    ...(asked === undefined ? {} : { asked }),
    digest,
    riskLevel,
    approvals: approvers.map((approver) => ({ ...BLANK_TICKET, approver })),
    ...(required === 1 ? {} : { requiredApprovals: required }),
    ...(escalation === undefined ? {} : { escalation }),
  };
  draft.marks.addFlag(index, MAY_HAVE_ACTED);
  for (const place of approvers.keys()) request(task, place, input);
}

/** Creates one more request, with the same content. */
export function askNext(task: StepTask, approver: string): void {
  const { draft, index } = task;
  const row = draft.rows.row(index);
  const { approvals = [] } = row.detail;
  row.detail = { ...row.detail, approvals: [...approvals, { ...BLANK_TICKET, approver }] };
  request(task, approvals.length, inputOf(draft.payloads, index));
}

/** Beside the context of the contract, for an owner that reminds approvers. */
function reminderOf({ config }: StepDefinition): JsonObject {
  const seconds = ownValue(config, "remind_after_seconds");
  return typeof seconds === "number" ? { remind_after_seconds: seconds } : {};
}

function request({ draft, index }: StepTask, place: number, payload: JsonObject): void {
  const { def } = draft.step(index);
  const { digest = "", riskLevel = "", approvals = [] } = draft.rows.peek(index).detail;
  const call = {
    kind: "request_approval",
    ticket: place,
    workspaceId: draft.run.workspaceId,
    agentId: actingAgent(draft, index),
    actionType: def.actionType === "" ? def.name : def.actionType,
    riskLevel,
    payload,
    context: { run_id: draft.run.id, step_id: def.id, digest, ...reminderOf(def) },
    approver: approvals[place]?.approver ?? "",
  } as const;
  draft.call(index, call, suffixOfTicket(place));
}
