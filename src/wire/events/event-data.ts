/**
 * Data of outgoing events: the text of a message's proto3 JSON with `@type` in front, made of the engine's values.
 * Boundary: pure. Names are those of the proto fields, in the order of their numbers; payloads come last in their object, as
 * they are stored. No protobuf message is made; a property test holds the texts equal to those of the protobuf library.
 * Events of steps, which are many, are step-event-data.ts.
 */
import { viewMarks } from "../../engine/draft/payloads.ts";
import type { Graph, GraphStep } from "../../engine/graph/graph.ts";
import type { Json, JsonObject } from "../../engine/values/json.ts";
import type { Move } from "../../engine/values/move.ts";
import { isFinalRun, type Run, type StepState } from "../../engine/values/run.ts";

/** A JSON object before it is written; fields that are undefined are left out. */
type Fields = {
  readonly [name: string]: Json | Fields | readonly Fields[] | undefined;
};

/** Full names of the messages. */
export const RUN_EVENT = "workflows.v1.WorkflowRunLifecycleEvent";
export const CHANGE = "events.v1.Change";
/** What precedes them in a type URL. */
export const TYPE_PREFIX = "type.googleapis.com/";

/** Payloads of an event. */
export interface EventPayloads {
  readonly input?: JsonObject;
  readonly output?: JsonObject;
}

/** A run's move, and the run as it is now. `recordedAt` is RFC 3339 with milliseconds. */
export interface RecordedRunMove {
  readonly graph: Graph;
  readonly run: Run;
  readonly move: Extract<Move, { of: "run" }>;
  readonly recordedAtMs: number;
  readonly recordedAt: string;
}

/** A change of a definition or a version. */
export interface RecordedChange {
  readonly workspaceId: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly operation: string;
  readonly recordedAt: string;
  readonly payload: JsonObject;
}

/** A WorkflowRunLifecycleEvent: the run as it was right after the move. */
export function runEventData(
  { graph, run, move, recordedAtMs, recordedAt }: RecordedRunMove,
  payloads: EventPayloads,
  withSteps = true,
): string {
  const completedAtMs = isFinalRun(move.to) ? (run.completedAtMs ?? recordedAtMs) : undefined;
  const fields: Fields = {
    "@type": TYPE_PREFIX + RUN_EVENT,
    run: {
      id: run.id,
      definition_id: text(run.definitionId),
      definition_version: number(run.definitionVersion),
      workspace_id: text(run.workspaceId),
      state: `WORKFLOW_STATE_${move.to}`,
      steps: withSteps ? stepsAfter(graph, run, move.marks) : undefined,
      trigger_event_id: text(run.triggerEventId),
      trigger_type: `TRIGGER_TYPE_${run.triggerType}`,
      initiator_agent_id: text(run.initiatorAgentId),
      initiator_user_id: text(run.initiatorUserId),
      parent_run_id: text(run.parentRunId),
      entity_id: text(run.entityId),
      entity_type: text(run.entityType),
      total_cost_usd: number(move.total),
      started_at: time(run.startedAtMs),
      completed_at: time(completedAtMs),
      input_payload: payloads.input,
      output_payload: payloads.output,
    },
    operation: move.op,
    recorded_at: withoutZeros(recordedAt),
  };
  return JSON.stringify(fields);
}

/** An events.v1.Change. */
export function changeData(change: RecordedChange): string {
  const fields: Fields = {
    "@type": TYPE_PREFIX + CHANGE,
    organization_id: text(change.workspaceId),
    aggregate_type: text(change.aggregateType),
    aggregate_id: text(change.aggregateId),
    operation: text(change.operation),
    actor_type: "service",
    actor_id: "workflows",
    recorded_at: withoutZeros(change.recordedAt),
    payload: change.payload,
  };
  return JSON.stringify(fields);
}

/** The run's steps with their states after the move; no run has none. */
function stepsAfter(graph: Graph, run: Run, marks: string | undefined): Fields[] {
  const then = marks === undefined ? run : { ...run, stepMarks: Buffer.from(marks, "base64") };
  return viewMarks(graph, then).steps.map(({ step, state }) => bareStep(step, state));
}

function bareStep({ def, type }: GraphStep, state: StepState): Fields {
  return {
    step_id: def.id,
    step_name: text(def.name),
    step_type: `STEP_TYPE_${type}`,
    state: `STEP_RUN_STATE_${state}`,
  };
}

/** A field of the type string: proto3 leaves out its default. */
function text(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** A field of the type int32 or double. NaN and the infinities, which JSON has not, stand there by their names. */
function number(value: number | undefined): number | string | undefined {
  if (value === undefined || value === 0) return undefined;
  return Number.isFinite(value) ? value : String(value);
}

/** A field of the type google.protobuf.Timestamp. */
function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : withoutZeros(new Date(ms).toISOString());
}

/** A time of RFC 3339 as proto3 JSON has it: without milliseconds at a full second. */
export function withoutZeros(rfc3339: string): string {
  return rfc3339.endsWith(".000Z") ? `${rfc3339.slice(0, -".000Z".length)}Z` : rfc3339;
}
