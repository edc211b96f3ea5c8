/**
 * Moves of runs and steps, and changes of definitions, as the events that the bus sees.
 * Boundary: pure. A move carries what it changed; payloads and constant fields come from the current rows.
 * Invariants:
 * 1. The id of an event is fixed by its move: `<run>-<seq>-<place in the row>`; the same move gives the same id always.
 * 2. A move without operation is not published.
 */
import { create, type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ChangeSchema } from "../../../gen/events/v1/change_pb.ts";
import {
  WorkflowRunLifecycleEventSchema,
  WorkflowStepLifecycleEventSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import {
  hasOutput,
  inputOf,
  outputOf,
  type PayloadSource,
  PayloadTooLarge,
  runOutput,
  viewMarks,
} from "../../engine/draft/payloads.ts";
import { isJsonObject, type Json, type JsonObject } from "../../engine/values/json.ts";
import type { Move } from "../../engine/values/move.ts";
import {
  HAS_ROW,
  isFinalRun,
  isFinalStep,
  type Run,
  type RunState,
  type StepRun,
} from "../../engine/values/run.ts";
import { TRIGGER_TYPE_NUMBERS } from "../definitions.ts";
import { RUN_STATE_NUMBERS, toRunMessage, toStepMessage } from "../runs.ts";
import type { EventAttributes } from "./attributes.ts";
import { type EventFormat, encodeEvent, fitsBus, type OutgoingEvent } from "./cloud-events.ts";

/** A move with everything that its event contains. */
export interface MoveToPublish {
  readonly move: Move;
  readonly seq: number;
  /** Place of the move in its row of the history. */
  readonly place: number;
  readonly recordedAt: Date;
  /** The run's state after the move. */
  readonly runState: RunState;
  /** The run, its rows and its input in their current state. */
  readonly source: PayloadSource;
}

type RunMove = Extract<Move, { of: "run" }>;
type StepMove = Extract<Move, { of: "step" }>;

/** Data of an event, the smaller forms of it after the full one. */
type DataForms = (() => JsonObject)[];

/** The event of a move, undefined when it is not published. Throws what the source's `peek` throws. */
export function renderMove(format: EventFormat, item: MoveToPublish): OutgoingEvent | undefined {
  const { move } = item;
  if (move.op === undefined) return undefined;
  if (move.of === "run") return renderRunMove(format, item, move, move.op);
  return renderStepMove(format, item, move, move.op);
}

function renderRunMove(
  format: EventFormat,
  item: MoveToPublish,
  move: RunMove,
  operation: string,
): OutgoingEvent {
  const { source } = item;
  const recordedAt = timestampFromDate(item.recordedAt);
  const message = create(WorkflowRunLifecycleEventSchema, {
    run: toRunMessage(viewMarks(source.graph, runAt(item, move)), { payloads: false }),
    operation,
    recordedAt,
  });
  const bare = jsonOf(WorkflowRunLifecycleEventSchema, message);
  const withPayloads = () =>
    withFields(bare, "run", {
      ...(source.run.inputUnset ? {} : { input_payload: source.runInput() }),
      ...(move.to === "COMPLETED" ? { output_payload: runOutput(source) } : {}),
    });
  const withoutSteps = () => withoutField(bare, "run", "steps");
  return encodeSmall(
    format,
    attributesOf(item, `run.${operation}`, WorkflowRunLifecycleEventSchema, move.reason ?? ""),
    [withPayloads, () => bare, withoutSteps],
    `workflows.v1.WorkflowService/GetRun?${query({ id: source.run.id })}`,
  );
}

function renderStepMove(
  format: EventFormat,
  item: MoveToPublish,
  move: StepMove,
  operation: string,
): OutgoingEvent {
  const { graph, run } = item.source;
  const step = graph.steps[move.step];
  if (step === undefined) throw new Error(`run ${run.id}: its version has no step ${move.step}`);
  const begun = ((run.stepMarks[move.step] ?? 0) & HAS_ROW) !== 0 && move.to !== "SKIPPED";
  const row = begun ? rowAt(item.source.peek(move.step), move) : undefined;
  const message = create(WorkflowStepLifecycleEventSchema, {
    runId: run.id,
    definitionId: run.definitionId,
    definitionVersion: run.definitionVersion,
    workspaceId: run.workspaceId,
    workflowState: RUN_STATE_NUMBERS[item.runState],
    triggerType: TRIGGER_TYPE_NUMBERS[run.triggerType],
    triggerEventId: run.triggerEventId,
    initiatorAgentId: run.initiatorAgentId,
    initiatorUserId: run.initiatorUserId,
    parentRunId: run.parentRunId,
    entityId: run.entityId,
    entityType: run.entityType,
    workflowTotalCostUsd: move.total ?? 0,
    step: toStepMessage({ step, state: move.to, ...(row === undefined ? {} : { row }) }),
    operation,
    recordedAt: timestampFromDate(item.recordedAt),
  });
  const bare = jsonOf(WorkflowStepLifecycleEventSchema, message);
  const withPayloads = () => withFields(bare, "step", stepPayloads(item.source, move, row));
  return encodeSmall(
    format,
    attributesOf(item, `step.${operation}`, WorkflowStepLifecycleEventSchema, ""),
    row === undefined ? [() => bare] : [withPayloads, () => bare],
    `workflows.ops.v1.Runs/GetPayload?${query({ run_id: run.id, step_id: step.def.id })}`,
  );
}

function stepPayloads(source: PayloadSource, move: StepMove, row: StepRun | undefined): JsonObject {
  if (row === undefined) return {};
  const givesOutput = (move.op === "completed" || move.op === "failed") && hasOutput(row);
  return {
    input_payload: inputOf(source, move.step),
    ...(givesOutput ? { output_payload: outputOf(source, move.step) } : {}),
  };
}

/** The run as it was right after the move. */
function runAt({ source, recordedAt }: MoveToPublish, move: RunMove): Run {
  const { completedAtMs, ...run } = source.run;
  return {
    ...run,
    state: move.to,
    totalCostUsd: move.total ?? 0,
    stepMarks: move.marks === undefined ? run.stepMarks : bytesOf(move.marks),
    ...(isFinalRun(move.to) ? { completedAtMs: completedAtMs ?? recordedAt.getTime() } : {}),
  };
}

/** The step's row right after the move: values of the move win over later ones. */
function rowAt(now: StepRun, move: StepMove): StepRun {
  const { completedAtMs, ...row } = now;
  const ids = move.ids ?? {};
  return {
    ...row,
    state: move.to,
    retryCount: move.retry ?? 0,
    costUsd: move.cost ?? 0,
    errorMessage: move.error ?? "",
    objectiveId: ids.objective_id ?? "",
    agentId: ids.agent_id ?? "",
    delegationId: ids.delegation_id ?? "",
    approvalRequestId: ids.approval_request_id ?? "",
    governanceDecision: ids.governance_decision ?? "",
    eventId: ids.event_id ?? "",
    notificationId: ids.notification_id ?? "",
    ...(isFinalStep(move.to) && completedAtMs !== undefined ? { completedAtMs } : {}),
  };
}

function attributesOf(
  item: MoveToPublish,
  operation: string,
  schema: DescMessage,
  reason: string,
): EventAttributes {
  const { run } = item.source;
  return {
    id: `${run.id}-${item.seq}-${item.place}`,
    type: `workflows.changes.${operation}`,
    source: "workflows",
    workspaceId: run.workspaceId,
    key: run.id,
    time: item.recordedAt.toISOString(),
    messageName: schema.typeName,
    extensions: { workflowhops: run.hops, ...(reason === "" ? {} : { reason: oneLine(reason) }) },
  };
}

/** Attributes of a CloudEvent hold no control characters (CloudEvents 1.0, type system, String). */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

/** The first form that fits the bus; a smaller one says where the rest can be read. */
function encodeSmall(
  format: EventFormat,
  attributes: EventAttributes,
  forms: DataForms,
  dataref: string,
): OutgoingEvent {
  const [full, ...smaller] = forms;
  if (full === undefined) throw new Error(`event ${attributes.id} has no data`);
  let event: OutgoingEvent | undefined = encodeFull(format, attributes, full);
  const extensions = { ...attributes.extensions, dataref };
  for (const form of smaller) {
    if (event !== undefined && fitsBus(event)) break;
    event = encodeEvent(format, { ...attributes, extensions }, form());
  }
  if (event === undefined) throw new Error(`event ${attributes.id} has no form without payloads`);
  return event;
}

/** Undefined when a payload was not loaded, because no event could carry it. */
function encodeFull(
  format: EventFormat,
  attributes: EventAttributes,
  full: () => JsonObject,
): OutgoingEvent | undefined {
  try {
    return encodeEvent(format, attributes, full());
  } catch (error) {
    if (error instanceof PayloadTooLarge) return undefined;
    throw error;
  }
}

function query(fields: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(fields).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  return pairs.join("&");
}

/** The event of a definition's or version's change, from the row that was kept with it. */
export function renderChange(format: EventFormat, kept: JsonObject): OutgoingEvent {
  const keptText = (name: string) => textOf(kept[name]);
  const recordedAt = new Date(keptText("recordedAt"));
  const message = create(ChangeSchema, {
    organizationId: keptText("workspaceId"),
    aggregateType: keptText("aggregateType"),
    aggregateId: keptText("aggregateId"),
    operation: keptText("operation"),
    actorType: "service",
    actorId: "workflows",
    recordedAt: timestampFromDate(recordedAt),
    payload: isJsonObject(kept.payload) ? kept.payload : {},
  });
  const attributes: EventAttributes = {
    id: keptText("id"),
    type: keptText("type"),
    source: "workflows",
    workspaceId: keptText("workspaceId"),
    key: keptText("aggregateId"),
    time: recordedAt.toISOString(),
    messageName: ChangeSchema.typeName,
    extensions: {},
  };
  return encodeEvent(format, attributes, jsonOf(ChangeSchema, message));
}

/** Proto3 JSON with the names of the proto fields. Payloads are put in later as they are, not through messages. */
function jsonOf<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
): JsonObject {
  const json: Json = toJson(schema, message, { useProtoFieldName: true });
  if (!isJsonObject(json)) throw new Error(`${schema.typeName} has no JSON object`);
  return json;
}

function withFields(data: JsonObject, name: string, fields: JsonObject): JsonObject {
  return { ...data, [name]: { ...objectOf(data[name]), ...fields } };
}

function withoutField(data: JsonObject, name: string, field: string): JsonObject {
  const { [field]: _, ...rest } = objectOf(data[name]);
  return { ...data, [name]: rest };
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
