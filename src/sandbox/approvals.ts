/**
 * The approvals that were asked for, their decisions told to the bus, the scripted approver, and
 * the RPCs of the approvals service.
 *
 * Boundary: who asks is not known here; one who asks within the sandbox hands in a callback.
 *
 * Invariant: a request is decided once; an escalation is a decision that leaves it pending.
 */
import { create, enumToJson } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import {
  type ApprovalDecision,
  ApprovalDecisionSchema,
  type ApprovalRequest,
  ApprovalRequestSchema,
  ApprovalService,
  AutoApproveEvidenceSchema,
  DecisionType,
  DecisionTypeSchema,
  type RequestApprovalRequest,
  RiskLevel,
} from "../../gen/approvals/v1/approvals_pb.ts";
import { type ApprovalRule, fits } from "./script.ts";
import { makeId, type Routes, recordEntry, remember, type Stage } from "./stage.ts";

/** What became of an approval request so far. */
export interface ApprovalCase {
  readonly request: ApprovalRequest;
  readonly decisions: ApprovalDecision[];
  /** The scripted approver's rule, undefined when nobody will decide by itself. */
  readonly rule: ApprovalRule | undefined;
  readonly onDecided: ((decision: ApprovalDecision) => void) | undefined;
}

/** The approvals of one sandbox. */
export interface Approvals {
  /** Makes a request that waits for a person, or for the script's approver. */
  open(
    request: RequestApprovalRequest,
    context?: HandlerContext,
    onDecided?: (decision: ApprovalDecision) => void,
  ): ApprovalCase;
  /** Throws NOT_FOUND when there is none. */
  require(id: string): ApprovalCase;
  listPending(workspaceId: string): ApprovalRequest[];
  /** Decides and publishes. A request that is decided already gives its first decision again. */
  decide(
    approval: ApprovalCase,
    decision: DecisionType,
    decidedBy: string,
    reason: string,
  ): ApprovalDecision;
}

const DECISIONS: Readonly<Record<ApprovalRule["decision"], DecisionType>> = {
  approved: DecisionType.APPROVED,
  denied: DecisionType.DENIED,
  expired: DecisionType.EXPIRED,
  auto: DecisionType.AUTO_APPROVED,
};

const RISKS = {
  low: RiskLevel.LOW,
  medium: RiskLevel.MEDIUM,
  high: RiskLevel.HIGH,
  critical: RiskLevel.CRITICAL,
} as const;

const DEFAULT_PAGE = 50;

/** Keeps the approvals of a stage. */
export function keepApprovals(stage: Stage): Approvals {
  const cases = new Map<string, ApprovalCase>();
  const approvals: Approvals = {
    open(asked, context, onDecided) {
      const approval = openCase(stage, asked, onDecided);
      remember(cases, approval.request.id, approval);
      recordEntry(stage.ledgers.approvals, approval.request.id, asked, context);
      const { rule } = approval;
      if (rule) {
        stage.timers.after(rule.afterMs, () => {
          const decidedBy = rule.decidedBy ?? (asked.approverUserId || "user_sandbox");
          approvals.decide(approval, DECISIONS[rule.decision], decidedBy, rule.reason ?? "");
        });
      }
      return approval;
    },
    require(id) {
      const approval = cases.get(id);
      if (approval) return approval;
      throw new ConnectError(`no approval request ${id}`, Code.NotFound);
    },
    listPending: (workspaceId) =>
      [...cases.values()]
        .filter((approval) => findFinalDecision(approval) === undefined)
        .map(({ request }) => request)
        .filter((request) => workspaceId === "" || request.workspaceId === workspaceId),
    decide: (approval, decision, decidedBy, reason) =>
      findFinalDecision(approval) ?? addDecision(stage, approval, decision, decidedBy, reason),
  };
  return approvals;
}

function openCase(
  stage: Stage,
  asked: RequestApprovalRequest,
  onDecided: ApprovalCase["onDecided"],
): ApprovalCase {
  const { $typeName: _, $unknown: __, ...fields } = asked;
  const now = timestampNow();
  const request = create(ApprovalRequestSchema, {
    ...fields,
    id: makeId("apr"),
    createdAt: now,
    updatedAt: now,
  });
  const rule = stage.script.approvals?.find(
    ({ match }) =>
      fits(match.actionType, asked.actionType) &&
      fits(match.riskLevel === undefined ? undefined : RISKS[match.riskLevel], asked.riskLevel) &&
      fits(match.approverUserId, asked.approverUserId),
  );
  return { request, decisions: [], rule, onDecided };
}

function addDecision(
  stage: Stage,
  approval: ApprovalCase,
  type: DecisionType,
  decidedBy: string,
  reason: string,
): ApprovalDecision {
  const { request } = approval;
  const decision = create(ApprovalDecisionSchema, {
    id: makeId("apd"),
    approvalRequestId: request.id,
    decision: type,
    decidedBy,
    reason,
    decidedAt: timestampNow(),
  });
  approval.decisions.push(decision);
  request.updatedAt = timestampNow();
  stage.log(`${decidedBy} ${nameDecision(type)} ${request.actionType}`);
  publishDecision(stage, request, decision);
  if (type !== DecisionType.ESCALATED) approval.onDecided?.(decision);
  return decision;
}

function publishDecision(stage: Stage, request: ApprovalRequest, decision: ApprovalDecision): void {
  const isEscalation = decision.decision === DecisionType.ESCALATED;
  stage.bus.publishChange({
    service: "approvals",
    aggregateType: "approval",
    aggregateId: request.id,
    operation: isEscalation ? "escalate" : "resolve",
    workspaceId: request.workspaceId,
    actorType: "user",
    actorId: decision.decidedBy,
    payload: {
      id: decision.id,
      approval_request_id: request.id,
      decision: enumToJson(DecisionTypeSchema, decision.decision),
      decided_by: decision.decidedBy,
      reason: decision.reason,
    },
  });
}

/** A decision's name in lower case, such as `approved`; `unknown` for a number without a name. */
export function nameDecision(decision: DecisionType): string {
  return DecisionTypeSchema.value[decision]?.localName.toLowerCase() ?? "unknown";
}

function findFinalDecision({ decisions }: ApprovalCase): ApprovalDecision | undefined {
  return decisions.find(({ decision }) => decision !== DecisionType.ESCALATED);
}

/** ApprovalService. */
export function serveApprovals(stage: Stage, approvals: Approvals): Routes {
  return (router) =>
    router.service(ApprovalService, {
      requestApproval(asked, context) {
        const { request, rule } = approvals.open(asked, context);
        stage.log(`approval asked for: ${request.actionType}`);
        const answer = { approvalRequest: { ...request } };
        if (rule?.decision !== "auto") return answer;
        const evidence = { pattern: request.actionType, confidence: 0.97, observationCount: 42 };
        return {
          ...answer,
          autoApproveEvidence: create(AutoApproveEvidenceSchema, evidence),
        };
      },
      resolveApproval({ approvalRequestId, decision, decidedBy, reason }) {
        const approval = approvals.require(approvalRequestId);
        if (decision === DecisionType.UNSPECIFIED) {
          throw new ConnectError("decision is needed", Code.InvalidArgument);
        }
        return { decision: approvals.decide(approval, decision, decidedBy, reason) };
      },
      listPending({ workspaceId, limit, offset }) {
        const pending = approvals.listPending(workspaceId);
        const requests = pending.slice(offset, offset + (limit || DEFAULT_PAGE));
        return { requests, total: pending.length };
      },
      escalate({ approvalRequestId, reason }) {
        const approval = approvals.require(approvalRequestId);
        approvals.decide(approval, DecisionType.ESCALATED, "approvals", reason);
        return { approvalRequest: approval.request };
      },
      getApproval({ approvalRequestId, workspaceId }) {
        const approval = approvals.require(approvalRequestId);
        if (workspaceId !== "" && workspaceId !== approval.request.workspaceId) {
          throw new ConnectError(`no approval request ${approvalRequestId}`, Code.NotFound);
        }
        const decision = findFinalDecision(approval)?.decision;
        const state = decision === undefined ? "pending" : nameDecision(decision);
        return { approvalRequest: approval.request, decisions: approval.decisions, state };
      },
    });
}
