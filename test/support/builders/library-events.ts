/**
 * Events as libraries write them: messages of @bufbuild/protobuf as proto3 JSON, in an event of the package cloudevents.
 * Boundary: the oracle of src/wire/events, which writes the same texts without them. Shares its bytes of protobuf only.
 */
import { create, type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CloudEvent } from "cloudevents";
import { ChangeSchema } from "../../../gen/events/v1/change_pb.ts";
import { CloudEventSchema } from "../../../gen/events/v1/cloudevent_pb.ts";
import {
  TriggerType,
  WorkflowRunLifecycleEventSchema,
  WorkflowState,
  WorkflowStepLifecycleEventSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import {
  hasOutput,
  inputOf,
  outputOf,
  PayloadTooLarge,
  runOutput,
  viewMarks,
} from "../../../src/engine/draft/payloads.ts";
import { isJsonObject, type JsonObject } from "../../../src/engine/values/json.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import {
  HAS_ROW,
  isFinalRun,
  isFinalStep,
  type Run,
  type StepRun,
} from "../../../src/engine/values/run.ts";
import {
  type EventFormat,
  MAX_EVENT_BYTES,
  type OutgoingEvent,
} from "../../../src/wire/events/cloud-events.ts";
import type { MoveToPublish } from "../../../src/wire/events/lifecycle-events.ts";
import { writeMessage } from "../../../src/wire/proto/bytes.ts";
import { toRunMessage, toStepMessage } from "../../../src/wire/runs.ts";

type RunMove = Extract<Move, { of: "run" }>;
type StepMove = Extract<Move, { of: "step" }>;

interface Attributes {
  readonly id: string;
  readonly type: string;
  readonly workspaceId: string;
  readonly key: string;
  readonly time: string;
  readonly messageName: string;
  readonly extensions: Readonly<Record<string, string | number>>;
}

const TYPE_PREFIX = "type.googleapis.com/";
const CONTENT_TYPES: Readonly<Record<EventFormat, string>> = {
  cloudevents: "application/cloudevents+json",
  "ensemble-json": "application/json",
  "ensemble-protobuf": "application/protobuf",
};

/** As renderMove. */
export function libraryMove(format: EventFormat, item: MoveToPublish): OutgoingEvent | undefined {
  const { move } = item;
  if (move.op === undefined) return undefined;
  return move.of === "run" ? runEvent(format, item, move) : stepEvent(format, item, move);
}

/** As renderChange. */
export function libraryChange(format: EventFormat, kept: JsonObject): OutgoingEvent {
  const textOf = (name: string) => (typeof kept[name] === "string" ? kept[name] : "");
  const recordedAt = new Date(textOf("recordedAt"));
  const message = create(ChangeSchema, {
    organizationId: textOf("workspaceId"),
    aggregateType: textOf("aggregateType"),
    aggregateId: textOf("aggregateId"),
    operation: textOf("operation"),
    actorType: "service",
    actorId: "workflows",
    recordedAt: timestampFromDate(recordedAt),
    payload: isJsonObject(kept.payload) ? kept.payload : {},
  });
  const attributes = {
    id: textOf("id"),
    type: textOf("type"),
    workspaceId: textOf("workspaceId"),
    key: textOf("aggregateId"),
    time: recordedAt.toISOString(),
    messageName: ChangeSchema.typeName,
    extensions: {},
  };
  return encode(format, attributes, jsonOf(ChangeSchema, message));
}

function runEvent(format: EventFormat, item: MoveToPublish, move: RunMove): OutgoingEvent {
  const { source } = item;
  const message = create(WorkflowRunLifecycleEventSchema, {
    run: toRunMessage(viewMarks(source.graph, runAt(item, move)), { payloads: false }),
    operation: move.op ?? "",
    recordedAt: timestampFromDate(item.recordedAt),
  });
  const bare = jsonOf(WorkflowRunLifecycleEventSchema, message);
  const withPayloads = () =>
    withFields(bare, "run", {
      ...(source.run.inputUnset ? {} : { input_payload: source.runInput() }),
      ...(move.to === "COMPLETED" ? { output_payload: runOutput(source) } : {}),
    });
  const withoutSteps = () => {
    const { steps: _, ...run } = objectOf(bare.run);
    return { ...bare, run };
  };
  const attributes = attributesOf(
    item,
    `run.${move.op}`,
    WorkflowRunLifecycleEventSchema,
    move.reason ?? "",
  );
  const dataref = `workflows.v1.WorkflowService/GetRun?id=${encodeURIComponent(source.run.id)}`;
  return encodeSmall(format, attributes, [withPayloads, () => bare, withoutSteps], dataref);
}

function stepEvent(format: EventFormat, item: MoveToPublish, move: StepMove): OutgoingEvent {
  const { graph, run } = item.source;
  const step = graph.steps[move.step];
  if (step === undefined) throw new Error(`no step ${move.step}`);
  const begun = ((run.stepMarks[move.step] ?? 0) & HAS_ROW) !== 0 && move.to !== "SKIPPED";
  const row = begun ? rowAt(item.source.peek(move.step), move) : undefined;
  const message = create(WorkflowStepLifecycleEventSchema, {
    runId: run.id,
    definitionId: run.definitionId,
    definitionVersion: run.definitionVersion,
    workspaceId: run.workspaceId,
    workflowState: WorkflowState[item.runState],
    triggerType: TriggerType[run.triggerType],
    triggerEventId: run.triggerEventId,
    initiatorAgentId: run.initiatorAgentId,
    initiatorUserId: run.initiatorUserId,
    parentRunId: run.parentRunId,
    entityId: run.entityId,
    entityType: run.entityType,
    workflowTotalCostUsd: move.total ?? 0,
    step: toStepMessage({ step, state: move.to, ...(row === undefined ? {} : { row }) }),
    operation: move.op ?? "",
    recordedAt: timestampFromDate(item.recordedAt),
  });
  const bare = jsonOf(WorkflowStepLifecycleEventSchema, message);
  const withPayloads = () => withFields(bare, "step", stepPayloads(item, move, row));
  const ids = `run_id=${encodeURIComponent(run.id)}&step_id=${encodeURIComponent(step.def.id)}`;
  return encodeSmall(
    format,
    attributesOf(item, `step.${move.op}`, WorkflowStepLifecycleEventSchema, ""),
    row === undefined ? [() => bare] : [withPayloads, () => bare],
    `workflows.ops.v1.Runs/GetPayload?${ids}`,
  );
}

function stepPayloads({ source }: MoveToPublish, move: StepMove, row?: StepRun): JsonObject {
  if (row === undefined) return {};
  const givesOutput = (move.op === "completed" || move.op === "failed") && hasOutput(row);
  return {
    input_payload: inputOf(source, move.step),
    ...(givesOutput ? { output_payload: outputOf(source, move.step) } : {}),
  };
}

function runAt({ source, recordedAt }: MoveToPublish, move: RunMove): Run {
  const { completedAtMs, ...run } = source.run;
  return {
    ...run,
    state: move.to,
    totalCostUsd: move.total ?? 0,
    stepMarks: move.marks === undefined ? run.stepMarks : Buffer.from(move.marks, "base64"),
    ...(isFinalRun(move.to) ? { completedAtMs: completedAtMs ?? recordedAt.getTime() } : {}),
  };
}

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
): Attributes {
  const { run } = item.source;
  const line = reason.replace(/\p{Cc}+/gu, " ");
  return {
    id: `${run.id}-${item.seq}-${item.place}`,
    type: `workflows.changes.${operation}`,
    workspaceId: run.workspaceId,
    key: run.id,
    time: item.recordedAt.toISOString(),
    messageName: schema.typeName,
    extensions: { workflowhops: run.hops, ...(reason === "" ? {} : { reason: line }) },
  };
}

/** The first form that fits; a smaller one has the reference. */
function encodeSmall(
  format: EventFormat,
  attributes: Attributes,
  [full, ...smaller]: (() => JsonObject)[],
  dataref: string,
): OutgoingEvent {
  let event: OutgoingEvent | undefined;
  try {
    event = encode(format, attributes, full?.() ?? {});
  } catch (error) {
    if (!(error instanceof PayloadTooLarge)) throw error;
  }
  const extensions = { ...attributes.extensions, dataref };
  for (const form of smaller) {
    if (event !== undefined && Buffer.byteLength(event.body) <= MAX_EVENT_BYTES) break;
    event = encode(format, { ...attributes, extensions }, form());
  }
  if (event === undefined) throw new Error("no form without payloads");
  return event;
}

function encode(format: EventFormat, attributes: Attributes, data: JsonObject): OutgoingEvent {
  const { id, type } = attributes;
  const contentType = CONTENT_TYPES[format];
  return { id, subject: type, contentType, body: bodyOf(format, attributes, data) };
}

function bodyOf(
  format: EventFormat,
  attributes: Attributes,
  data: JsonObject,
): string | Uint8Array {
  if (format === "cloudevents") return structuredBody(attributes, data);
  if (format === "ensemble-json") {
    return JSON.stringify(envelopeOf(attributes, data, "application/json"));
  }
  return writeMessage(CloudEventSchema, envelopeOf(attributes, data, "application/protobuf"));
}

function structuredBody(attributes: Attributes, data: JsonObject): string {
  const { id, type, time, messageName } = attributes;
  const event = new CloudEvent<JsonObject>({
    id,
    type,
    source: "workflows",
    subject: type,
    time,
    datacontenttype: "application/json",
    dataschema: `https://${TYPE_PREFIX}${messageName}`,
    tenantid: attributes.workspaceId,
    partitionkey: attributes.key,
    ...attributes.extensions,
    data: { "@type": TYPE_PREFIX + messageName, ...data },
  });
  return event.toString();
}

function envelopeOf(
  { id, type, time, workspaceId, messageName, key, extensions }: Attributes,
  data: JsonObject,
  contentType: string,
): JsonObject {
  return {
    spec_version: "1.0",
    id,
    type,
    source: "workflows",
    subject: type,
    time,
    data_content_type: contentType,
    tenant_id: workspaceId,
    data: { "@type": TYPE_PREFIX + messageName, ...data },
    extensions: {
      partitionkey: key,
      dataschema: `https://${TYPE_PREFIX}${messageName}`,
      ...extensions,
    },
  };
}

/** Payloads are put in as they are: the library loses the key `__proto__`. */
function jsonOf<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
): JsonObject {
  return objectOf(toJson(schema, message, { useProtoFieldName: true }));
}

function withFields(data: JsonObject, name: string, fields: JsonObject): JsonObject {
  return { ...data, [name]: { ...objectOf(data[name]), ...fields } };
}

function objectOf(value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw new TypeError("no JSON object");
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
