/**
 * The lines of a script: `start {input}`, `answer a create_objective {…}`, `transition a COMPLETED {…}` …
 * Boundary: a line becomes an input of the engine, or an event of the bus; which call it answers follows from the calls
 * made so far.
 */

import type { Graph } from "../../../src/engine/graph/graph.ts";
import {
  type Call,
  type CallKind,
  type CallResult,
  type CallValue,
  placeOfCall,
} from "../../../src/engine/values/call.ts";
import type { BusEvent } from "../../../src/engine/values/event.ts";
import type { StepReport } from "../../../src/engine/values/input.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../src/engine/values/json.ts";
import type { RunFacts } from "../../../src/engine/values/new-run.ts";
import type { BareInput } from "../engine/engine-run.ts";
import { WORKSPACE } from "../services/processor.ts";
import { expandMacros } from "./scenario-file.ts";

/** A call as both plays see it. */
export interface MadeCall {
  readonly id: string;
  readonly runId: string;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly call: Call;
}

/** What a line asks for. */
export type Happening =
  | { readonly kind: "start"; readonly input: JsonObject; readonly facts: Partial<RunFacts> }
  | { readonly kind: "arrive"; readonly event: BusEvent }
  | { readonly kind: "clock"; readonly ms: number }
  | { readonly kind: "input"; readonly input: BareInput; readonly answers?: string };

/** Reads a line of a script. `calls` are the run's calls in the order in which they were made. */
export function parseHappening(text: string, graph: Graph, calls: readonly MadeCall[]): Happening {
  const line = readLine(text);
  switch (line.verb) {
    case "start":
      return { kind: "start", input: line.fields, facts: factsOf(line.more) };
    case "arrive":
      return { kind: "arrive", event: parseArrival(line) };
    case "clock":
      return { kind: "clock", ms: Number(line.words[0]) * 1000 };
    case "answer":
    case "refuse":
      return parseAnswer(line, graph, calls);
    default:
      return { kind: "input", input: parseInput(line, graph) };
  }
}

interface Line {
  readonly verb: string;
  readonly words: readonly string[];
  readonly fields: JsonObject;
  readonly more: JsonObject;
}

/** Words, then up to two JSON objects. */
function readLine(text: string): Line {
  const brace = text.indexOf(" {");
  const plain = brace < 0 ? text : text.slice(0, brace);
  const [verb = "", ...words] = plain.split(" ");
  const [fields, more] = brace < 0 ? [{}, {}] : readObjects(text.slice(brace + 1));
  return { verb, words, fields, more };
}

function readObjects(text: string): [JsonObject, JsonObject] {
  const split = text.indexOf("} {");
  const texts = split < 0 ? [text, "{}"] : [text.slice(0, split + 1), text.slice(split + 2)];
  const [first, second] = texts.map((each) => expandMacros(JSON.parse(each) as Json));
  if (!isJsonObject(first) || !isJsonObject(second)) throw new Error(`no object: ${text}`);
  return [first, second];
}

function factsOf(fields: JsonObject): Partial<RunFacts> {
  return {
    initiatorAgentId: textIn(fields, "initiator_agent_id"),
    triggerEventId: textIn(fields, "trigger_event_id"),
    entityId: textIn(fields, "entity_id"),
  };
}

/**
 * `arrive <id> <type> <subject> {data}`, with the facts of the tap as a second object where a tap sends it.
 */
function parseArrival({ words, fields, more }: Line): BusEvent {
  const [id = "", type = "", subject = ""] = words;
  const tap = {
    provider: textIn(more, "provider"),
    entityType: textIn(more, "entity_type"),
    entityId: textIn(more, "entity_id"),
    action: textIn(more, "action"),
  };
  const cronLine = textIn(more, "cron_line");
  return {
    workspaceId: WORKSPACE,
    id,
    source: "scenario",
    type,
    subject,
    time: "",
    data: fields,
    actorAgentId: "",
    hops: numberIn(more, "hops"),
    ...(tap.provider === "" ? {} : { tap }),
    ...(cronLine === "" ? {} : { cronLine, onlyTrigger: "SCHEDULE" }),
  };
}

function parseInput(line: Line, graph: Graph): BareInput {
  const { verb, words, fields } = line;
  const reason = words.join(" ");
  switch (verb) {
    case "objective":
    case "delegation":
      return parseOwner(line, verb, graph);
    case "approval":
      return parseApproval(line, graph);
    case "governance":
      return parseGovernance(line);
    case "event":
      return parseEvent(line, graph);
    case "transition":
      return { kind: "step_reported", report: parseReport(words, fields) };
    case "due":
      return { kind: "step_due", stepIndex: indexOf(graph, words[0]) };
    case "deadline":
      return { kind: "deadline_passed" };
    case "pause":
      return { kind: "pause_requested", reason };
    case "resume":
      return { kind: "resume_requested" };
    case "cancel":
      return { kind: "cancel_requested", reason };
    case "compensate":
      return { kind: "compensate_requested", reason };
  }
  throw new Error(`unknown happening ${verb}`);
}

function parseOwner(line: Line, owner: "objective" | "delegation", graph: Graph): BareInput {
  const { words, fields } = line;
  const [step, id = "", state = ""] = words;
  const report = {
    owner,
    id,
    state,
    errorMessage: textIn(fields, "error_message"),
    costUsd: numberIn(fields, "cost_usd"),
    agentId: textIn(fields, "agent_id"),
    ...(isJsonObject(fields.output) ? { output: fields.output } : {}),
  };
  return { kind: "owner_reported", stepIndex: indexOf(graph, step), report };
}

function parseApproval({ words, fields }: Line, graph: Graph): BareInput {
  const [step, requestId = "", decision = ""] = words;
  const report = {
    requestId,
    decision,
    decidedBy: textIn(fields, "decided_by"),
    reason: textIn(fields, "reason"),
    digest: textIn(fields, "digest"),
  };
  return { kind: "approval_decided", stepIndex: indexOf(graph, step), report };
}

function parseGovernance({ words, fields }: Line): BareInput {
  const [stepId = "", decision = ""] = words;
  const riskLevel = textIn(fields, "risk_level");
  const reasons = textsIn(fields, "reasons");
  return { kind: "governance_decided", report: { stepId, decision, riskLevel, reasons } };
}

function parseEvent({ words, fields }: Line, graph: Graph): BareInput {
  const [step, id = "", type = "", subject = ""] = words;
  const event = { id, source: "scenario", type, subject, time: "", data: fields };
  return { kind: "event_arrived", stepIndex: indexOf(graph, step), event };
}

const REPORTED = ["RUNNING", "WAITING", "COMPLETED", "FAILED"] as const;

function parseReport(words: readonly string[], fields: JsonObject): StepReport {
  const [stepId = "", target = ""] = words;
  const state = REPORTED.find((name) => name === target);
  if (state === undefined) throw new Error(`a step cannot be moved to ${target}`);
  return {
    stepId,
    state,
    objectiveId: textIn(fields, "objective_id"),
    agentId: textIn(fields, "agent_id"),
    delegationId: textIn(fields, "delegation_id"),
    approvalRequestId: textIn(fields, "approval_request_id"),
    governanceDecision: textIn(fields, "governance_decision"),
    eventId: textIn(fields, "event_id"),
    notificationId: textIn(fields, "notification_id"),
    errorMessage: textIn(fields, "error_message"),
    costUsd: numberIn(fields, "cost_usd"),
    ...(isJsonObject(fields.output) ? { output: fields.output } : {}),
  };
}

/**
 * `answer a create_objective {…}` answers the latest such call; `create_objective#1` the one of the first attempt;
 * `request_approval-2` the second of several.
 */
function parseAnswer(line: Line, graph: Graph, calls: readonly MadeCall[]): Happening {
  const [step, named = ""] = line.words;
  const [name = "", attempt] = named.split("#");
  const [kind = "", place] = name.split("-");
  const stepIndex = indexOf(graph, step);
  const made = calls.findLast(
    (each) =>
      each.stepIndex === stepIndex &&
      each.call.kind === kind &&
      (place === undefined || placeOfCall(each.id) === Number(place)) &&
      (attempt === undefined || each.attempt === Number(attempt)),
  );
  if (made === undefined) throw new Error(`${step} made no call ${named}`);
  const result: CallResult =
    line.verb === "refuse"
      ? { ok: false, message: textIn(line.fields, "message") }
      : { ok: true, value: answerOf(made.call.kind, line.fields) };
  const { id: callId } = made;
  const call = made.call.kind;
  const input: BareInput = {
    kind: "call_returned",
    callId,
    call,
    stepIndex,
    attempt: made.attempt,
    result,
  };
  return { kind: "input", input, answers: callId };
}

function answerOf(kind: CallKind, fields: JsonObject): CallValue {
  switch (kind) {
    case "look_up": {
      const agentId = textIn(fields, "agent_id");
      return { kind, resolution: { agentId, skillId: textIn(fields, "skill_id") } };
    }
    case "create_objective":
      return { kind, objectiveId: textIn(fields, "objective_id") };
    case "delegate": {
      const delegationId = textIn(fields, "delegation_id");
      return { kind, delegationId, agentId: textIn(fields, "agent_id") };
    }
    case "read_output":
      return { kind, ...(isJsonObject(fields.output) ? { output: fields.output } : {}) };
    case "query_usage":
      return { kind, costUsd: numberIn(fields, "cost_usd") };
    case "cancel_objective":
    case "cancel_run":
    case "tell_parent":
      return { kind };
    case "start_run":
    case "start_rerun":
      return { kind, runId: textIn(fields, "run_id") };
    case "compensate_run":
      return { kind, compensated: fields.undone === true };
    case "request_approval": {
      const autoApproved = fields.auto_approved === true;
      return { kind, requestId: textIn(fields, "request_id"), autoApproved };
    }
    case "escalate_approval":
      return { kind };
    case "evaluate_action": {
      const reasons = textsIn(fields, "reasons");
      const riskLevel = textIn(fields, "risk_level");
      return { kind, decision: textIn(fields, "decision"), riskLevel, reasons };
    }
    case "send_notification":
      return { kind, notificationId: textIn(fields, "notification_id") };
  }
}

function indexOf(graph: Graph, id: string | undefined): number {
  const index = graph.indexById.get(id ?? "");
  if (index === undefined) throw new Error(`the version has no step ${id}`);
  return index;
}

function textIn(fields: JsonObject, key: string): string {
  const value = fields[key];
  return typeof value === "string" ? value : "";
}

function textsIn(fields: JsonObject, key: string): string[] {
  const value = fields[key];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function numberIn(fields: JsonObject, key: string): number {
  const value = fields[key];
  return typeof value === "number" ? value : 0;
}
