/** APPROVAL_GATE: waits for a decision. See contract.ts and approvals/. */

import { riskLevelOf } from "../../graph/spellings.ts";
import { approvalRequested, decideByHand, ticketsExpired } from "../approvals/approval.ts";
import { askForApproval } from "../approvals/ask.ts";
import { escalationReturned } from "../approvals/escalation.ts";
import type { StepBehaviour } from "../contract.ts";
import { PLAIN_BEHAVIOUR } from "../plain.ts";

/** APPROVAL_GATE. */
export const approvalGate: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin(task) {
    askForApproval(task, riskLevelOf(task.draft.step(task.index).def.riskLevel) ?? "LOW");
  },
  unawaitedReturned: escalationReturned,
  callReturned(task, value, callId) {
    if (value.kind === "request_approval") approvalRequested(task, value, callId);
  },
  completedByHand: decideByHand,
  failedByHand: decideByHand,
  woken: ticketsExpired,
  retriesTimeout: false,
};
