/** APPROVAL_GATE: waits for a decision. See contract.ts and approval.ts. */
import { riskLevelOf } from "../graph/spellings.ts";
import { approvalRequested, approve, askForApproval, refuse } from "./approval.ts";
import type { StepKind } from "./contract.ts";
import { hearsNothing } from "./plain.ts";

/** APPROVAL_GATE. */
export const approvalGate: StepKind = {
  ...hearsNothing,
  begin(task) {
    askForApproval(task, riskLevelOf(task.draft.step(task.index).def.riskLevel) ?? "LOW");
  },
  callReturned(task, value) {
    if (value.kind === "request_approval") {
      approvalRequested(task, value.requestId, value.autoApproved);
    }
  },
  completedByHand(task, report) {
    approve(task, report.output);
  },
  failedByHand(task, report) {
    refuse(task, "denied", report.errorMessage);
  },
  retriesTimeout: false,
};
