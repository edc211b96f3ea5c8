/**
 * What events of the collaborators say about objects that steps wait for.
 *
 * Boundary: pure; reads the object that the event is about, from a Change's payload, a typed
 * message or plain JSON alike. An event that says nothing of the kind gives no report, no error.
 * Invariant: a role reports only on its own objects: a subject `objectives.…` decides no approval,
 * and a typed message of another service gives no report.
 */
import { DelegationStatus } from "../../../gen/agents/v1/agents_pb.ts";
import { DecisionType, RiskLevel } from "../../../gen/approvals/v1/approvals_pb.ts";
import { ActionDecision } from "../../../gen/governance/v1/governance_pb.ts";
import { ObjectiveState } from "../../../gen/objectives/v1/objectives_pb.ts";
import { isProgram } from "../../engine/values/cause.ts";
import type { EventReport } from "../../engine/values/event.ts";
import {
  findPayloadFault,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../engine/values/json.ts";
import { MAX_COST_USD } from "../../engine/values/limits.ts";
import { findMessageType, STRUCT } from "../proto/message-types.ts";
import {
  objectOfBytes,
  readDigest,
  readEnum,
  readField,
  readObject,
  readText,
} from "./loose-fields.ts";

const CONTRADICTORY = "contradictory";
const REASONS_AT_MOST = 100;
/** Characters of an id; no collaborator gives a longer one. */
const ID_CHARS_AT_MOST = 256;
/** Characters of a text for people. */
const TEXT_CHARS_AT_MOST = 4_000;
/** Decoded output bytes were not part of the data whose depth was checked. */
const OUTPUT_DEPTH_AT_MOST = 64;

/** What an event reports of an object. */
export interface ReportedEvent {
  /** Full name of the message that the object came as; "" for a Change's payload and plain JSON. */
  readonly typeName: string;
  readonly body: JsonObject;
  /** Names the object when it does not name itself. */
  readonly aggregateId: string;
  /** The run and step that the event names beside its data. */
  readonly runId: string;
  readonly stepId: string;
}

/** A report, none, or a contradictory one, which is refused. */
export type ReadReport = EventReport | "contradictory" | undefined;

/** The messages of each service; another service's messages do not report on its objects. */
const TYPES_OF_ROLES: Readonly<Record<string, readonly string[]>> = {
  objectives: ["objectives.v1.Objective"],
  agents: ["agents.v1.DelegationRecord"],
  approvals: ["approvals.v1.ApprovalDecision", "approvals.v1.ApprovalRequest"],
  governance: ["governance.v1.ActionEvaluation"],
};

/** Roles whose events report on objects that steps wait for. */
export const REPORTING_ROLES: ReadonlySet<string> = new Set(Object.keys(TYPES_OF_ROLES));

/** The report of an event whose NATS subject begins with this role. */
export function readReport(role: string, event: ReportedEvent): ReadReport {
  if (!speaksForRole(role, event.typeName)) return undefined;
  switch (role) {
    case "objectives":
      return readObjective(event);
    case "agents":
      return readDelegation(event);
    case "approvals":
      return readDecision(event);
    case "governance":
      return readGovernance(event);
    // Any text can be a role; only those of the collaborators report.
    default:
      return undefined;
  }
}

function speaksForRole(role: string, typeName: string): boolean {
  const isFree = typeName === STRUCT || findMessageType(typeName) === undefined;
  return isFree || (TYPES_OF_ROLES[role] ?? []).includes(typeName);
}

function readObjective({ body, aggregateId }: ReportedEvent): ReadReport {
  const id = readId(body, ["id", "objective_id"], aggregateId);
  const state = readState(body, ["state", "status"], "OBJECTIVE_STATE_", ObjectiveState);
  if (id === "" || state === "") return undefined;
  if (state === CONTRADICTORY) return CONTRADICTORY;
  const output = readObject(body, ["output_payload", "output", "result"]);
  return ownerReport("objective", id, state, body, output, readId(body, ["agent_id"], ""));
}

// A subject `agents.…` also carries events of agents, whose states are not those of delegations.
function readDelegation({ body, aggregateId }: ReportedEvent): ReadReport {
  const id = readId(body, ["id", "delegation_id"], aggregateId);
  const state = readState(body, ["status", "state"], "DELEGATION_STATUS_", DelegationStatus);
  if (id === "" || state === "") return undefined;
  if (state === CONTRADICTORY) return CONTRADICTORY;
  const answer = readField(body, ["result_payload", "output_payload", "output", "result"]);
  const agentId = readId(body, ["to_agent_id"], "");
  return ownerReport("delegation", id, state, body, storable(objectOfBytes(answer)), agentId);
}

/** The state that these fields agree on; CONTRADICTORY when they differ, "" when they have none. */
function readState(
  body: JsonObject,
  names: readonly string[],
  prefix: string,
  numbers: Readonly<Record<string, number>>,
): string {
  const states = names.map((name) => readEnum(readField(body, [name]), prefix, numbers));
  const [state = "", ...others] = new Set(states.filter((name) => name !== ""));
  return others.length === 0 ? state : CONTRADICTORY;
}

function ownerReport(
  owner: "objective" | "delegation",
  id: string,
  state: string,
  body: JsonObject,
  output: JsonObject | undefined,
  agentId: string,
): EventReport {
  const report = {
    owner,
    id,
    state,
    errorMessage: readProblem(body),
    costUsd: readCost(body),
    agentId,
  };
  return { kind: "owner", report: output === undefined ? report : { ...report, output } };
}

function readDecision({ body, aggregateId }: ReportedEvent): ReadReport {
  const requestId = readId(body, ["approval_request_id", "id"], aggregateId);
  const decision = readEnum(readField(body, ["decision"]), "DECISION_TYPE_", DecisionType);
  if (requestId === "" || decision === "") return undefined;
  const via = readId(body, ["decided_via"], "");
  const report = {
    requestId,
    decision,
    decidedBy: readId(body, ["decided_by"], ""),
    reason: shorten(readText(body, ["reason"])),
    digest: readDigest(body),
  };
  return { kind: "approval", report: isProgram(via) ? { ...report, via } : report };
}

// An evaluation as a typed message has no fields for run and step: the envelope names them.
function readGovernance(event: ReportedEvent): ReadReport {
  const { body } = event;
  const runId = readId(body, ["run_id"], event.runId);
  const stepId = readId(body, ["step_id"], event.stepId);
  const decision = readEnum(readField(body, ["decision"]), "ACTION_DECISION_", ActionDecision);
  if (runId === "" || stepId === "" || decision === "") return undefined;
  const riskLevel = readEnum(readField(body, ["risk_level"]), "RISK_LEVEL_", RiskLevel);
  const reasons = readReasons(readField(body, ["reasons", "reason"]));
  return { kind: "governance", runId, report: { stepId, decision, riskLevel, reasons } };
}

function readReasons(value: Json | undefined): string[] {
  const reasons = Array.isArray(value) ? value : [value];
  return reasons
    .filter((reason) => typeof reason === "string" && reason !== "")
    .slice(0, REASONS_AT_MOST)
    .map((reason) => shorten(String(reason)));
}

function readProblem(body: JsonObject): string {
  const problem = readField(body, ["error_message", "error", "reason"]);
  if (isJsonObject(problem)) return shorten(readText(problem, ["message"]));
  return typeof problem === "string" ? shorten(problem) : "";
}

function readId(body: JsonObject, names: readonly string[], otherwise: string): string {
  const id = readText(body, names) || otherwise;
  return id.length > ID_CHARS_AT_MOST ? "" : id;
}

// Cutting may split a pair of surrogates.
function shorten(text: string): string {
  return text.length > TEXT_CHARS_AT_MOST
    ? `${text.slice(0, TEXT_CHARS_AT_MOST).toWellFormed()}…`
    : text;
}

function readCost(body: JsonObject): number {
  const cost = readField(body, ["cost_usd"]);
  return typeof cost === "number" && cost > 0 && cost <= MAX_COST_USD ? cost : 0;
}

function storable(output: JsonObject | undefined): JsonObject | undefined {
  if (output === undefined) return undefined;
  return findPayloadFault(output, OUTPUT_DEPTH_AT_MOST) === undefined ? output : undefined;
}
