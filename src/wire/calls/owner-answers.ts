/**
 * Answers of polled owners about an object that a step waits for, as the reports that events would give.
 * Boundary: pure. Answers are not trusted: one about another workspace's object, or with a state that the contract does
 * not have, is none; a result that is no payload counts as no result.
 */
import {
  DelegationStatusSchema,
  type GetDelegationResponse,
} from "../../../gen/agents/v1/agents_pb.ts";
import {
  type ApprovalDecision,
  DecisionType,
  DecisionTypeSchema,
  type GetApprovalResponse,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import {
  type GetResponse,
  ObjectiveStateSchema,
} from "../../../gen/objectives/v1/objectives_pb.ts";
import type { ApprovalReport, OwnerReport } from "../../engine/values/input.ts";
import { objectOfBytes, readDigest, readEnum } from "../bus/loose-fields.ts";
import { readDelegationOutput } from "./replies.ts";

/** The object that was polled. */
export interface AskedObject {
  readonly id: string;
  readonly workspaceId: string;
}

const UNSPECIFIED = "UNSPECIFIED";
const ID_CHARS_AT_MOST = 256;
const TEXT_CHARS_AT_MOST = 4_000;

/** The state of an objective (ObjectiveService.Get). The contract gives it neither output nor cost. */
export function readObjectiveAnswer(
  { objective }: GetResponse,
  asked: AskedObject,
): OwnerReport | undefined {
  const state = ObjectiveStateSchema.value[objective?.state ?? 0]?.localName ?? UNSPECIFIED;
  if (!isOf(asked, objective?.workspaceId) || state === UNSPECIFIED) return undefined;
  return ownerReport("objective", asked, state, "");
}

/** The state of a delegation, with its result (AgentService.GetDelegation). */
export function readDelegationAnswer(
  reply: GetDelegationResponse,
  asked: AskedObject,
): OwnerReport | undefined {
  const { delegation } = reply;
  const state = DelegationStatusSchema.value[delegation?.status ?? 0]?.localName ?? UNSPECIFIED;
  if (!isOf(asked, delegation?.workspaceId) || state === UNSPECIFIED) return undefined;
  const report = ownerReport("delegation", asked, state, delegation?.errorMessage ?? "");
  const read = readDelegationOutput(reply);
  if (!read.ok || read.value.kind !== "read_output" || read.value.output === undefined) {
    return report;
  }
  return { ...report, output: read.value.output };
}

/**
 * The final decision on an approval request, undefined while there is none (ApprovalService.GetApproval). It is for what
 * the request's own context says.
 */
export function readApprovalAnswer(
  { approvalRequest, decisions, state }: GetApprovalResponse,
  asked: AskedObject,
): ApprovalReport | undefined {
  if (!isOf(asked, approvalRequest?.workspaceId)) return undefined;
  const last = decisions.findLast(isFinal);
  // Of a request that expired there may be no decision, only the state.
  const answered = readEnum(state, "DECISION_TYPE_", DecisionType);
  const decision = last === undefined ? answered : nameOf(last);
  if (decision === "" || decision === "ESCALATED") return undefined;
  return {
    requestId: asked.id,
    decision,
    decidedBy: storable(last?.decidedBy ?? "", ID_CHARS_AT_MOST),
    reason: storable(last?.reason ?? "", TEXT_CHARS_AT_MOST),
    digest: readDigest(objectOfBytes(approvalRequest?.contextJson ?? "") ?? {}),
    reconciled: true,
  };
}

function ownerReport(
  owner: OwnerReport["owner"],
  { id }: AskedObject,
  state: string,
  errorMessage: string,
): OwnerReport {
  return {
    owner,
    id,
    state,
    errorMessage: storable(errorMessage, TEXT_CHARS_AT_MOST),
    costUsd: 0,
    agentId: "",
    reconciled: true,
  };
}

/** Owners that know no workspaces leave it empty. */
function isOf({ workspaceId }: AskedObject, owner: string | undefined): boolean {
  return owner === "" || owner === workspaceId;
}

function isFinal(decision: ApprovalDecision): boolean {
  const name = nameOf(decision);
  return name !== "" && name !== UNSPECIFIED && name !== "ESCALATED";
}

function nameOf({ decision }: ApprovalDecision): string {
  return DecisionTypeSchema.value[decision]?.localName ?? "";
}

function storable(text: string, charsAtMost: number): string {
  return text.slice(0, charsAtMost).replaceAll("\u0000", "\ufffd").toWellFormed();
}
