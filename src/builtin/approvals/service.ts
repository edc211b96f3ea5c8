/**
 * ApprovalService, served inside the process: the contract that other owners of approvals have, over tables of our own.
 * Boundary: what a request and a decision may say. Events about decisions are publish-decisions.ts; who may decide is known
 * by the Inbox (ingress/rpc/).
 * Invariants:
 * 1. Calls that write are idempotent by the Idempotency-Key: the id of what they make follows from it.
 * 2. A request is decided once: a further decision is refused, also the same one under another key.
 * 3. An escalation is a decision that leaves the request open.
 */
import { createHash, randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import {
  type ApprovalDecision,
  ApprovalDecisionSchema,
  type ApprovalRequest,
  ApprovalRequestSchema,
  ApprovalService,
  DecisionType,
  DecisionTypeSchema,
  type RequestApprovalRequest,
  RequestApprovalRequestSchema,
  type ResolveApprovalRequest,
  RiskLevel,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import { idOfKey } from "../../process/ids.ts";
import {
  decideApproval,
  escalateApproval,
  findApproval,
  keepApproval,
  listDecisions,
  listOpenApprovals,
  type NewDecision,
  type StoredApproval,
  type StoredDecision,
} from "../../store/approval-requests.ts";
import type { Database } from "../../store/database.ts";
import { AnswerLost, isAway, isLostRace } from "../../store/pg-errors.ts";
import type { ApprovalNotices } from "./notices.ts";
import { decisionTypeOf } from "./publish-decisions.ts";

/** What the service needs. */
export interface ApprovalServiceDeps {
  readonly database: Database;
  /** How long a request stays open; undefined: until it is decided. */
  readonly expireAfterMs?: number | undefined;
  /** How approvers are notified; undefined: they are not. */
  readonly notices?: ApprovalNotices | undefined;
  /** Called after a decision is committed. */
  readonly onDecided: () => void;
  /** Called after a request is kept whose approver is notified. */
  readonly onAsked: () => void;
}

const KEY_OF_A_CALL = /^([^/]+)\/([^/]+)\/\d+\/request_approval(?:-(\d+))?$/;
/** Whose decision an escalation is. */
const OWNER = "approvals";
const VIA_CHARS_AT_MOST = 32;

const PAGE = 50;
const PAGE_AT_MOST = 500;
const OFFSET_AT_MOST = 10_000;
/** Those that a caller may record; the others are the service's own. */
const BY_CALL: readonly DecisionType[] = [
  DecisionType.APPROVED,
  DecisionType.DENIED,
  DecisionType.EXPIRED,
  DecisionType.ESCALATED,
];

/** The routes of ApprovalService. Its RPCs fail with the codes of the contract, and UNAVAILABLE while Postgres is away. */
export function approvalRoutes(deps: ApprovalServiceDeps): (router: ConnectRouter) => void {
  const { database } = deps;
  return (router) =>
    router.service(ApprovalService, {
      requestApproval: (asked, context) => answered(request(deps, asked, context)),
      resolveApproval: (asked, context) => answered(resolve(deps, asked, context)),
      listPending: ({ workspaceId, limit, offset }) =>
        answered(listPending(database, workspaceId, limit, offset)),
      escalate: ({ approvalRequestId: requestId, reason }, context) => {
        const id = decisionId(requestId, context);
        const decision = DecisionType.ESCALATED;
        const made = { requestId, id, decision, decidedBy: OWNER, reason, via: "" };
        return answered(escalate(deps, made));
      },
      getApproval: ({ approvalRequestId, workspaceId }) =>
        answered(getApproval(database, approvalRequestId, workspaceId)),
    });
}

async function request(
  { database, expireAfterMs, notices, onAsked }: ApprovalServiceDeps,
  asked: RequestApprovalRequest,
  context: HandlerContext,
) {
  refuseEmpty("workspace_id", asked.workspaceId);
  refuseEmpty("action_type", asked.actionType);
  const { $typeName: _, $unknown: __, ...fields } = asked;
  for (const text of [asked.contextJson, asked.approverUserId, asked.surface]) refuseNul(text);
  const callKey = keyOf(context);
  const key = JSON.stringify([asked.workspaceId, callKey]);
  const bodyHash = createHash("sha256")
    .update(toBinary(RequestApprovalRequestSchema, asked))
    .digest();
  const id = idOfKey("apr_", key);
  const { approverUserId: approver, workspaceId } = asked;
  const isNoticed = approver !== "" && notices?.reaches(workspaceId, approver) === true;
  const made = { ...fields, id, bodyHash, expireAfterMs, itemId: itemOf(callKey), isNoticed };
  const remindAfterMs = isNoticed ? reminderOf(asked.contextJson) : undefined;
  const stored = await keepApproval(database, { ...made, remindAfterMs });
  if (isNoticed) onAsked();
  if (Buffer.compare(stored.bodyHash, bodyHash) !== 0) {
    throw new ConnectError("the key was used for another request", Code.AlreadyExists);
  }
  return { approvalRequest: requestMessage(stored) };
}

/** The item of the Inbox, by the key `<run>/<step>/<attempt>/request_approval[-n]`; "" for another key. */
function itemOf(key: string): string {
  const [, run, step, place = "1"] = KEY_OF_A_CALL.exec(key) ?? [];
  return run === undefined ? "" : `${run}/${step}/${place}`;
}

/** The context's `remind_after_seconds` in ms. */
function reminderOf(contextJson: string): number | undefined {
  try {
    const context: unknown = JSON.parse(contextJson);
    if (typeof context !== "object" || context === null) return undefined;
    const seconds: unknown = Reflect.get(context, "remind_after_seconds");
    return typeof seconds === "number" && seconds > 0 ? Math.ceil(seconds * 1000) : undefined;
  } catch {
    // Any text may be a request's context.
    return undefined;
  }
}

async function resolve(
  deps: ApprovalServiceDeps,
  { approvalRequestId: requestId, decision, decidedBy, reason }: ResolveApprovalRequest,
  context: HandlerContext,
) {
  if (!BY_CALL.includes(decision)) {
    throw new ConnectError("decision must be APPROVED, DENIED, ESCALATED or EXPIRED", INVALID);
  }
  refuseNul(reason);
  refuseEmpty("decided_by", decidedBy);
  // Bounded alone: the reader of the event checks its form.
  const via = (context.requestHeader.get("workflows-via") ?? "").slice(0, VIA_CHARS_AT_MOST);
  const id = decisionId(requestId, context);
  const made = { requestId, id, decision, decidedBy, reason, via };
  const isEscalation = decision === DecisionType.ESCALATED;
  const stored = isEscalation
    ? await escalateApproval(deps.database, made)
    : await decideApproval(deps.database, made);
  const recorded = stored ?? (await findSame(deps.database, made));
  if (stored !== undefined) deps.onDecided();
  return { decision: decisionMessage(recorded) };
}

async function escalate(deps: ApprovalServiceDeps, made: NewDecision) {
  refuseNul(made.reason);
  const { database, onDecided } = deps;
  if ((await escalateApproval(database, made)) === undefined) await findSame(database, made);
  else onDecided();
  return { approvalRequest: requestMessage(await require(database, made.requestId)) };
}

/** The decision that this call has recorded before. Throws NOT_FOUND, or FAILED_PRECONDITION. */
async function findSame(database: Database, made: NewDecision): Promise<StoredDecision> {
  const { decision } = await require(database, made.requestId);
  const decisions = await listDecisions(database.write, made.requestId);
  const same = decisions.find((each) => each.id === made.id && each.decision === made.decision);
  if (same !== undefined) return same;
  const state = decision === 0 ? "expired" : stateOf(decision);
  throw new ConnectError(`approval request ${made.requestId} is ${state}`, Code.FailedPrecondition);
}

async function listPending(database: Database, workspaceId: string, limit: number, offset: number) {
  refuseEmpty("workspace_id", workspaceId);
  if (limit < 0 || limit > PAGE_AT_MOST || offset < 0 || offset > OFFSET_AT_MOST) {
    throw new ConnectError(
      `limit must be 0 to ${PAGE_AT_MOST}, offset to ${OFFSET_AT_MOST}`,
      INVALID,
    );
  }
  const { requests, total } = await listOpenApprovals(
    database.read,
    workspaceId,
    limit || PAGE,
    offset,
  );
  return { requests: requests.map(requestMessage), total };
}

async function getApproval(database: Database, id: string, workspaceId: string) {
  const stored = await require(database, id);
  if (workspaceId !== "" && workspaceId !== stored.workspaceId) throw unknown(id);
  const decisions = await listDecisions(database.write, id);
  return {
    approvalRequest: requestMessage(stored),
    decisions: decisions.map(decisionMessage),
    state: stored.decision === 0 ? "pending" : stateOf(stored.decision),
  };
}

async function require(database: Database, id: string): Promise<StoredApproval> {
  const found = await findApproval(database.write, id);
  if (found === undefined) throw unknown(id);
  return found;
}

function unknown(id: string): ConnectError {
  return new ConnectError(`no approval request ${id}`, Code.NotFound);
}

/** Answers of Postgres as codes: what may succeed later is UNAVAILABLE, so that the caller repeats it with its key. */
async function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AnswerLost || isAway(error) || isLostRace(error)) {
      throw new ConnectError("the database cannot be used", Code.Unavailable, {}, [], error);
    }
    throw error;
  }
}

const INVALID = Code.InvalidArgument;

function refuseEmpty(field: string, text: string): void {
  if (text === "") throw new ConnectError(`${field} is required`, INVALID);
  refuseNul(text);
}

function refuseNul(text: string): void {
  if (text.includes("\u0000")) throw new ConnectError("a text has the character NUL", INVALID);
}

/** A call without a key is one of its own. */
function keyOf({ requestHeader }: HandlerContext): string {
  return requestHeader.get("idempotency-key") ?? randomUUID();
}

function decisionId(requestId: string, context: HandlerContext): string {
  return idOfKey("apd_", JSON.stringify([requestId, keyOf(context)]));
}

/** A decision's name in lower case, such as `approved`. */
function stateOf(decision: number): string {
  return DecisionTypeSchema.value[decisionTypeOf(decision)]?.localName.toLowerCase() ?? "unknown";
}

function riskOf(number: number): RiskLevel {
  return Object.values(RiskLevel).find((level) => level === number) ?? RiskLevel.UNSPECIFIED;
}

function requestMessage(stored: StoredApproval): ApprovalRequest {
  return create(ApprovalRequestSchema, {
    id: stored.id,
    workspaceId: stored.workspaceId,
    agentId: stored.agentId,
    surface: stored.surface,
    actionType: stored.actionType,
    actionPayload: stored.actionPayload,
    riskLevel: riskOf(stored.riskLevel),
    contextJson: stored.contextJson,
    createdAt: timestampFromDate(stored.createdAt),
    updatedAt: timestampFromDate(stored.updatedAt),
    approverUserId: stored.approverUserId,
  });
}

function decisionMessage(stored: StoredDecision): ApprovalDecision {
  return create(ApprovalDecisionSchema, {
    id: stored.id,
    approvalRequestId: stored.requestId,
    decision: decisionTypeOf(stored.decision),
    decidedBy: stored.decidedBy,
    reason: stored.reason,
    decidedAt: timestampFromDate(stored.decidedAt),
  });
}
