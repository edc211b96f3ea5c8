/**
 * The governance service: judges actions as the script says, allows what it is silent about.
 *
 * Boundary: a judgement that is left open and comes later by an event names the run and the step,
 * which it takes from the action's payload.
 */
import { create } from "@bufbuild/protobuf";
import {
  ActionDecision,
  ActionEvaluationSchema,
  type EvaluateActionRequest,
  GovernanceService,
  RiskLevel,
} from "../../gen/governance/v1/governance_pb.ts";
import { readJsonObject, readText } from "./agent-task.ts";
import { fits, type GovernanceRule } from "./script.ts";
import { makeId, type Routes, recordEntry, type Stage } from "./stage.ts";

const DECISIONS: Readonly<Record<GovernanceRule["decision"], ActionDecision>> = {
  allow: ActionDecision.ALLOW,
  deny: ActionDecision.DENY,
  require_approval: ActionDecision.REQUIRE_APPROVAL,
  unspecified: ActionDecision.UNSPECIFIED,
};

const RISKS = {
  low: RiskLevel.LOW,
  medium: RiskLevel.MEDIUM,
  high: RiskLevel.HIGH,
  critical: RiskLevel.CRITICAL,
} as const;

const ALLOW: GovernanceRule = { match: {}, decision: "allow" };

/** GovernanceService. */
export function serveGovernance(stage: Stage): Routes {
  return (router) =>
    router.service(GovernanceService, {
      evaluateAction(request, context) {
        const id = makeId("gov");
        recordEntry(stage.ledgers.evaluations, id, request, context);
        const rule =
          stage.script.governance?.find(
            ({ match }) =>
              fits(match.actionType, request.actionType) && fits(match.agentId, request.agentId),
          ) ?? ALLOW;
        stage.log(`governance on ${request.actionType}: ${rule.decision}`);
        decideLater(stage, id, request, rule);
        const evaluation = create(ActionEvaluationSchema, {
          decision: DECISIONS[rule.decision],
          riskLevel: RISKS[rule.riskLevel ?? "low"],
          reasons: [...(rule.reasons ?? [])],
          matchedRules: rule === ALLOW ? [] : [`sandbox/${request.actionType}`],
        });
        return { evaluation };
      },
    });
}

function decideLater(
  stage: Stage,
  id: string,
  request: EvaluateActionRequest,
  { later, reasons }: GovernanceRule,
): void {
  if (later === undefined) return;
  const action = readJsonObject(new TextDecoder().decode(request.actionPayload));
  stage.timers.after(later.afterMs, () =>
    stage.bus.publishChange({
      service: "governance",
      aggregateType: "evaluation",
      aggregateId: id,
      operation: "decide",
      workspaceId: request.workspaceId,
      actorType: "service",
      actorId: "governance",
      payload: {
        id,
        run_id: readText(action, "run_id") ?? "",
        step_id: readText(action, "step_id") ?? "",
        decision: `ACTION_DECISION_${later.decision.toUpperCase()}`,
        reasons: [...(reasons ?? [])],
      },
    }),
  );
}
