/**
 * The approvals that were asked for, their decisions as bus events, the scripted approver, and
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
import { readJsonObject, readText } from "./agent-task.ts";
import { type ApprovalRule, fits } from "./script.ts";
import { makeId, type Routes, recordEntry, remember, type Stage } from "./stage.ts";

/** What became of an approval request so far. */
interface ApprovalCase {
  readonly request: ApprovalRequest;
  readonly decisions: ApprovalDecision[];
  /** The scripted approver's rule, undefined when no decision comes by itself. */
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
  /** Leaves the request open and publishes that it was escalated. Throws FAILED_PRECONDITION when it is decided. */
  escalate(approval: ApprovalCase, reason: string, context: HandlerContext): void;
}

const DECISIONS: Readonly<Record<Exclude<ApprovalRule["decision"], "silent">, DecisionType>> = {
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
      decideByRule(stage, approvals, approval);
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
    escalate(approval, reason, context) {
      const { id } = approval.request;
      if (findFinalDecision(approval) !== undefined) {
        throw new ConnectError(`approval request ${id} is decided`, Code.FailedPrecondition);
      }
      addDecision(stage, approval, DecisionType.ESCALATED, "approvals", reason);
      recordEntry(stage.ledgers.escalations, id, { reason }, context);
    },
  };
  return approvals;
}

/** What the script's approver does by itself. */
function decideByRule(stage: Stage, approvals: Approvals, approval: ApprovalCase): void {
  const { rule, request } = approval;
  if (rule === undefined || rule.decision === "silent") return;
  const decision = DECISIONS[rule.decision];
  stage.timers.after(rule.afterMs, () => {
    const decidedBy = rule.decidedBy ?? (request.approverUserId || "user_sandbox");
    approvals.decide(approval, decision, decidedBy, rule.reason ?? "");
  });
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
  publishDecision(stage, approval, decision);
  if (type !== DecisionType.ESCALATED) approval.onDecided?.(decision);
  return decision;
}

const ANOTHER_DIGEST = "0".repeat(64);

/** The digest that the approver names, as the script says. */
function namedDigest({ rule, request }: ApprovalCase): { readonly digest?: string } {
  if (rule?.digest === undefined) return {};
  if (rule.digest === "other") return { digest: ANOTHER_DIGEST };
  return { digest: readText(readJsonObject(request.contextJson), "digest") ?? "" };
}

function publishDecision(stage: Stage, approval: ApprovalCase, decision: ApprovalDecision): void {
  const { request } = approval;
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
      ...namedDigest(approval),
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
      escalate({ approvalRequestId, reason }, context) {
        const approval = approvals.require(approvalRequestId);
        approvals.escalate(approval, reason, context);
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
