/**
 * GOVERNANCE_CHECK: requests a policy decision: allow, deny, or require an approval.
 * Boundary: see contract.ts. The row holds the first decision without its prefix; outputs have the full name.
 */

import { actingAgent } from "../../draft/upstream.ts";
import { failure, goBadly, succeed } from "../../flow/ending.ts";
import { riskLevelOf } from "../../graph/spellings.ts";
import { decisionName, findDecision } from "../../values/enum-names.ts";
import type { GovernanceReport, StepReport } from "../../values/input.ts";
import type { Reply } from "../../values/reply.ts";
import { MAY_HAVE_ACTED } from "../../values/run.ts";
import { type GovernanceAnswer, isBetweenAttempts } from "../../values/step-detail.ts";
import { approvalRequested, decideByHand, refuse, ticketsExpired } from "../approvals/approval.ts";
import { askForApproval } from "../approvals/ask.ts";
import { escalationReturned } from "../approvals/escalation.ts";
import type { StepBehaviour, StepTask } from "../contract.ts";
import { PLAIN_BEHAVIOUR } from "../plain.ts";

/** GOVERNANCE_CHECK. */
export const governanceCheck: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin(task, input) {
    const { draft, index } = task;
    const { def } = draft.step(index);
    draft.marks.addFlag(index, MAY_HAVE_ACTED);
    draft.call(index, {
      kind: "evaluate_action",
      workspaceId: draft.run.workspaceId,
      agentId: actingAgent(draft, index),
      actionType: def.actionType,
      payload: { run_id: draft.run.id, step_id: def.id, input },
      ...(draft.run.environment === undefined ? {} : { environment: draft.run.environment }),
    });
  },
  unawaitedReturned: escalationReturned,
  callReturned(task, value, callId) {
    if (value.kind === "evaluate_action") governanceDecided(task, value);
    else if (value.kind === "request_approval") approvalRequested(task, value, callId);
  },
  governanceReported,
  completedByHand: (task, report) => governedByHand(task, report, "ALLOW"),
  failedByHand: (task, report) => governedByHand(task, report, "DENY"),
  woken: ticketsExpired,
  retriesTimeout: true,
};

/** Only a check whose evaluation gave no decision waits for an event. The event may arrive before that answer. */
function governanceReported(task: StepTask, report: GovernanceReport): Reply {
  const { governanceDecision, detail } = task.draft.rows.peek(task.index);
  if (governanceDecision === "UNSPECIFIED") governanceDecided(task, report);
  else if (governanceDecision === "" && !isBetweenAttempts(detail)) keepDecision(task, report);
  else return { kind: "unchanged" };
  return { kind: "applied" };
}

/** Applies a decision; on UNSPECIFIED the step waits for an event that names it. */
function governanceDecided(task: StepTask, answer: GovernanceAnswer): void {
  const { draft, index } = task;
  draft.rows.row(index).governanceDecision = answer.decision;
  switch (answer.decision) {
    case "ALLOW":
      succeed(draft, index, {
        output: { governance_decision: decisionName(answer.decision) },
        extendsInput: true,
      });
      return;
    case "DENY":
      refuse(task, "denied", answer.reasons.join("; "));
      return;
    case "REQUIRE_APPROVAL":
      // An unknown level counts as the highest.
      askForApproval(task, riskLevelOf(answer.riskLevel) ?? "CRITICAL");
      return;
    case "UNSPECIFIED":
      waitForDecision(task);
      return;
  }
  goBadly(draft, index, failure(`governance answered ${answer.decision}`, true));
}

/** Stores a decision that arrived before the evaluation's answer. */
function keepDecision({ draft, index }: StepTask, report: GovernanceAnswer): void {
  const { decision, riskLevel, reasons } = report;
  const row = draft.rows.row(index);
  row.detail = { ...row.detail, heard: { decision, riskLevel, reasons } };
}

function waitForDecision(task: StepTask): void {
  const { draft, index } = task;
  const { heard, ...detail } = draft.rows.peek(index).detail;
  if (heard !== undefined) {
    draft.rows.row(index).detail = detail;
    governanceDecided(task, heard);
  } else if (draft.marks.state(index) === "RUNNING") {
    draft.moveStep(index, "WAITING", { op: "waiting" });
  }
}

/** A governance decision in the report comes first; else a check that required an approval is decided like a gate. */
function governedByHand(task: StepTask, report: StepReport, unnamed: string): void {
  const named = findDecision(report.governanceDecision) ?? "";
  const decision = named === "" || named === "UNSPECIFIED" ? unnamed : named;
  const asksForApproval = (task.draft.rows.peek(task.index).detail.approvals ?? []).length > 0;
  if (asksForApproval && report.governanceDecision === "") {
    decideByHand(task, report);
  } else if (!asksForApproval || decision !== "REQUIRE_APPROVAL") {
    const reasons = report.errorMessage === "" ? [] : [report.errorMessage];
    governanceDecided(task, { decision, riskLevel: "", reasons });
  }
}
