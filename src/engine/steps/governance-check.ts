/**
 * GOVERNANCE_CHECK: asks the policy engine; allowed, denied, or an approval in between.
 * Boundary: see contract.ts. `governance_decision` holds the first decision in its short form.
 */

import { failure, goBadly, succeed } from "../ending.ts";
import { riskLevelOf } from "../graph/spellings.ts";
import type { StepReport } from "../input.ts";
import { MAY_HAVE_EFFECT } from "../run.ts";
import { actingAgent } from "../upstream.ts";
import { approvalRequested, askForApproval, refuse } from "./approval.ts";
import type { StepKind, StepTask } from "./contract.ts";
import { hearsNothing } from "./plain.ts";

/** GOVERNANCE_CHECK. */
export const governanceCheck: StepKind = {
  ...hearsNothing,
  begin(task, input) {
    const { draft, index } = task;
    const { def } = draft.step(index);
    draft.addFlag(index, MAY_HAVE_EFFECT);
    draft.call(index, {
      kind: "evaluate_action",
      workspaceId: draft.run.workspaceId,
      agentId: actingAgent(draft, index),
      actionType: def.actionType,
      payload: { run_id: draft.run.id, step_id: def.id, input },
    });
  },
  callReturned(task, value) {
    if (value.kind === "evaluate_action") governanceDecided(task, value);
    else if (value.kind === "request_approval") {
      approvalRequested(task, value.requestId, value.autoApproved);
    }
  },
  completedByHand: (task, report) => decideByHand(task, report, "ALLOW"),
  failedByHand: (task, report) => decideByHand(task, report, "DENY"),
  retriesTimeout: true,
};

/** A decision of the policy engine, by call, by event or by hand. */
export interface GovernanceAnswer {
  /** ALLOW, DENY, REQUIRE_APPROVAL or UNSPECIFIED */
  readonly decision: string;
  readonly riskLevel: string;
  readonly reasons: readonly string[];
}

/** Applies a decision; UNSPECIFIED waits for an event that names the step. */
export function governanceDecided(task: StepTask, answer: GovernanceAnswer): void {
  const { draft, index } = task;
  draft.row(index).governanceDecision = answer.decision;
  switch (answer.decision) {
    case "ALLOW":
      succeed(draft, index, {
        output: { governance_decision: "ALLOW" },
        extendsInput: true,
      });
      return;
    case "DENY":
      refuse(task, "denied", answer.reasons.join("; "));
      return;
    case "REQUIRE_APPROVAL":
      // A level this service does not know is taken as the highest.
      askForApproval(task, riskLevelOf(answer.riskLevel) ?? "CRITICAL");
      return;
    case "UNSPECIFIED":
      if (draft.state(index) === "RUNNING") draft.moveStep(index, "WAITING", { op: "waiting" });
      return;
  }
  goBadly(draft, index, failure(`governance answered ${answer.decision}`, true));
}

function decideByHand(task: StepTask, report: StepReport, unnamed: string): void {
  const named = report.governanceDecision.toUpperCase().replace(/^ACTION_DECISION_/, "");
  const reasons = report.errorMessage === "" ? [] : [report.errorMessage];
  governanceDecided(task, { decision: named === "" ? unnamed : named, riskLevel: "", reasons });
}
