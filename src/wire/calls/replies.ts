/**
 * Replies of collaborators as the engine's results.
 * Boundary: pure. Replies are not trusted: an id that is missing, too long or not storable is a refusal, as is a
 * payload over the engine's limits.
 */
import type { DelegateResponse, GetDelegationResponse } from "../../../gen/agents/v1/agents_pb.ts";
import type { RequestApprovalResponse } from "../../../gen/approvals/v1/approvals_pb.ts";
import {
  ActionDecision,
  type EvaluateActionResponse,
  RiskLevel,
} from "../../../gen/governance/v1/governance_pb.ts";
import type { QueryUsageResponse } from "../../../gen/meter/v1/meter_pb.ts";
import type { SendResponse } from "../../../gen/notifications/v1/notifications_pb.ts";
import type { CreateResponse } from "../../../gen/objectives/v1/objectives_pb.ts";
import type { CallResult } from "../../engine/values/call.ts";
import { isJsonObject, type Json, type JsonObject } from "../../engine/values/json.ts";
import { MAX_COST_USD, MAX_PAYLOAD_BYTES, payloadProblem } from "../../engine/values/limits.ts";

const ID_CHARS_AT_MOST = 256;
const REASONS_AT_MOST = 50;
const REASON_CHARS_AT_MOST = 1_000;

const text = new TextDecoder("utf-8", { fatal: true });

/** The objective that was created. */
export function readCreateObjective(reply: CreateResponse): CallResult {
  const objectiveId = reply.objective?.id ?? "";
  return withId("objective", objectiveId, {
    ok: true,
    value: { kind: "create_objective", objectiveId },
  });
}

/** The delegation that was made, and to whom. */
export function readDelegate(reply: DelegateResponse): CallResult {
  const delegationId = reply.delegation?.id ?? "";
  const agentId = reply.delegation?.toAgentId ?? "";
  if (agentId !== "" && !isId(agentId)) return refuse("agent");
  return withId("delegation", delegationId, {
    ok: true,
    value: { kind: "delegate", delegationId, agentId },
  });
}

/** The result that the delegation has: a JSON object, or none. */
export function readDelegationOutput(reply: GetDelegationResponse): CallResult {
  const bytes = reply.delegation?.resultPayload ?? new Uint8Array();
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    const message = `the delegation's result has ${bytes.length} bytes, over the limit of ${MAX_PAYLOAD_BYTES}`;
    return { ok: false, message };
  }
  const output = parseObject(bytes);
  if (output === undefined) return { ok: true, value: { kind: "read_output" } };
  const problem = payloadProblem("the delegation's result", output);
  if (problem !== undefined) return { ok: false, message: problem };
  return { ok: true, value: { kind: "read_output", output } };
}

/** What the workspace's records add up to, in USD; other workspaces' and impossible ones do not count. */
export function readQueryUsage({ records }: QueryUsageResponse, workspaceId: string): CallResult {
  const costs = records
    .filter(({ organizationId }) => organizationId === "" || organizationId === workspaceId)
    .map(({ totalCostUsd }) => totalCostUsd)
    .filter((costUsd) => Number.isFinite(costUsd) && costUsd > 0);
  const costUsd = costs.reduce((sum, cost) => sum + cost, 0);
  if (costUsd > MAX_COST_USD) {
    return {
      ok: false,
      message: `the meter reports ${costUsd} USD, over the limit of ${MAX_COST_USD}`,
    };
  }
  return { ok: true, value: { kind: "query_usage", costUsd } };
}

/** The approval request that was made, or its approval at once. */
export function readRequestApproval(reply: RequestApprovalResponse): CallResult {
  const requestId = reply.approvalRequest?.id ?? "";
  const autoApproved = reply.autoApproveEvidence !== undefined;
  return withId("approval request", requestId, {
    ok: true,
    value: { kind: "request_approval", requestId, autoApproved },
  });
}

const DECISIONS = namesByNumber(ActionDecision);
const RISKS = namesByNumber(RiskLevel);

/** The judgement of an action; a number that the contract does not have is UNSPECIFIED. */
export function readEvaluateAction({ evaluation }: EvaluateActionResponse): CallResult {
  if (evaluation === undefined) return { ok: false, message: "the reply holds no evaluation" };
  return {
    ok: true,
    value: {
      kind: "evaluate_action",
      decision: DECISIONS.get(evaluation.decision) ?? "UNSPECIFIED",
      riskLevel: RISKS.get(evaluation.riskLevel) ?? "UNSPECIFIED",
      reasons: evaluation.reasons.slice(0, REASONS_AT_MOST).map(storable),
    },
  };
}

/** The notification that was accepted. */
export function readSendNotification(reply: SendResponse): CallResult {
  const notificationId = reply.notification?.id ?? "";
  return withId("notification", notificationId, {
    ok: true,
    value: { kind: "send_notification", notificationId },
  });
}

/** Whether a text can serve as another service's id: not empty, storable, 256 characters at most. */
export function isId(id: string): boolean {
  return id !== "" && id.length <= ID_CHARS_AT_MOST && id.isWellFormed() && !id.includes("\u0000");
}

function withId(what: string, id: string, result: CallResult): CallResult {
  return isId(id) ? result : refuse(what);
}

function refuse(what: string): CallResult {
  return { ok: false, message: `the reply holds no usable id of the ${what}` };
}

function storable(reason: string): string {
  return reason.slice(0, REASON_CHARS_AT_MOST).replaceAll("\u0000", "\ufffd").toWellFormed();
}

function parseObject(bytes: Uint8Array): JsonObject | undefined {
  if (bytes.length === 0) return undefined;
  try {
    const value: Json = JSON.parse(text.decode(bytes));
    return isJsonObject(value) ? value : undefined;
  } catch {
    // The payload is the agent's own affair: what is no JSON object is no output.
    return undefined;
  }
}

function namesByNumber(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(values).map(([name, number]) => [number, name]));
}
