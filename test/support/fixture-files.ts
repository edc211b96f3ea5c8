/**
 * The files of testdata/fixtures: which there are, what each is, and how an event is taken out of its envelope.
 * Boundary: names, schemas and encodings; where the contents come from is fixture-story.ts.
 */
import { readFileSync } from "node:fs";
import {
  createRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { ChangeSchema } from "../../gen/events/v1/change_pb.ts";
import { type CloudEvent, CloudEventSchema } from "../../gen/events/v1/cloudevent_pb.ts";
import {
  GetRunResponseSchema,
  HandleTriggerRequestSchema,
  HandleTriggerResponseSchema,
  PublishVersionResponseSchema,
  WorkflowRunLifecycleEventSchema,
  WorkflowStepLifecycleEventSchema,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { isJsonObject, requireObject } from "../../src/sandbox/bus.ts";

/** Where the files are. */
export const FIXTURES_FOLDER = new URL("../../testdata/fixtures/", import.meta.url);

/** The messages of RPCs, by the file that holds one. */
export const RPC_FIXTURES = {
  "publish-version.response.json": PublishVersionResponseSchema,
  "get-run.response.json": GetRunResponseSchema,
  "handle-trigger.request.json": HandleTriggerRequestSchema,
  "handle-trigger.response.json": HandleTriggerResponseSchema,
} as const satisfies Readonly<Record<string, DescMessage>>;

/** One event of which there are fixtures. */
export interface EventFixture {
  /** What the names of its files begin with. */
  readonly name: string;
  readonly schema: DescMessage;
  /** The event's type, its subject and the NATS subject in one. */
  readonly type: string;
  /** The step that moved, undefined for an event of a run. */
  readonly stepId?: string;
}

/** The events, in the order in which they are kept. */
export const EVENT_FIXTURES: readonly EventFixture[] = [
  {
    name: "run-started",
    schema: WorkflowRunLifecycleEventSchema,
    type: "workflows.changes.run.started",
  },
  {
    name: "step-completed",
    schema: WorkflowStepLifecycleEventSchema,
    type: "workflows.changes.step.completed",
    stepId: "qualify-lead",
  },
  {
    name: "step-waiting",
    schema: WorkflowStepLifecycleEventSchema,
    type: "workflows.changes.step.waiting",
    stepId: "manager-approval",
  },
  {
    name: "run-completed",
    schema: WorkflowRunLifecycleEventSchema,
    type: "workflows.changes.run.completed",
  },
  { name: "definition-create", schema: ChangeSchema, type: "workflows.changes.definition.create" },
  { name: "version-publish", schema: ChangeSchema, type: "workflows.changes.version.publish" },
  {
    name: "step-skipped",
    schema: WorkflowStepLifecycleEventSchema,
    type: "workflows.changes.step.skipped",
    stepId: "ask-manager",
  },
  {
    name: "step-failed",
    schema: WorkflowStepLifecycleEventSchema,
    type: "workflows.changes.step.failed",
    stepId: "pay-back",
  },
  {
    name: "run-failed",
    schema: WorkflowRunLifecycleEventSchema,
    type: "workflows.changes.run.failed",
  },
  {
    name: "step-cancelled",
    schema: WorkflowStepLifecycleEventSchema,
    type: "workflows.changes.step.cancelled",
    stepId: "check-claim",
  },
  {
    name: "run-cancel",
    schema: WorkflowRunLifecycleEventSchema,
    type: "workflows.changes.run.cancel",
  },
];

/** The values of BUS_FORMAT. */
export const BUS_FORMATS = ["cloudevents", "ensemble-json", "ensemble-protobuf"] as const;
/** One value of BUS_FORMAT. */
export type BusFormat = (typeof BUS_FORMATS)[number];

/** What the name of the file ends with that holds an event without envelope. */
export const BARE = ".event.json";
/** The ends of the files that hold the event in its envelope, by format. */
export const ENVELOPES: Readonly<Record<BusFormat, string>> = {
  cloudevents: ".cloudevents.json",
  "ensemble-json": ".ensemble.json",
  "ensemble-protobuf": ".ensemble.binpb",
};
/** The NATS header `Content-Type` of a message, by format. */
export const CONTENT_TYPES: Readonly<Record<BusFormat, string>> = {
  cloudevents: "application/cloudevents+json",
  "ensemble-json": "application/json",
  "ensemble-protobuf": "application/protobuf",
};

/** The messages that an event's data can be, for readers of `google.protobuf.Any`. */
const registry = createRegistry(
  WorkflowRunLifecycleEventSchema,
  WorkflowStepLifecycleEventSchema,
  ChangeSchema,
);

/** The bytes of a fixture. */
export function readFixtureBytes(file: string): Uint8Array {
  return readFileSync(new URL(file, FIXTURES_FOLDER));
}

/** A fixture as JSON; of a binary envelope its proto3 JSON. */
export function readFixture(file: string): JsonValue {
  const bytes = readFixtureBytes(file);
  return file.endsWith(".binpb") ? envelopeToJson(bytes) : parseJson(bytes);
}

/** An envelope from the bus as JSON. */
export function readEnvelope(format: BusFormat, bytes: Uint8Array): JsonObject {
  return requireObject(format === "ensemble-protobuf" ? envelopeToJson(bytes) : parseJson(bytes));
}

/** The event in an envelope, without the mark of its type. */
export function eventIn(envelope: JsonValue): JsonObject {
  const { "@type": _, ...event } = requireObject(
    isJsonObject(envelope) ? envelope.data : undefined,
  );
  return event;
}

/** A message by its schema, out of proto3 JSON in which nothing may be unknown. */
export function parseStrictly<Schema extends DescMessage>(
  schema: Schema,
  json: JsonValue,
): MessageShape<Schema> {
  return fromJson(schema, json, { registry, ignoreUnknownFields: false });
}

/** A message as proto3 JSON with the names of the proto fields. */
export function writeJson<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
): JsonValue {
  return toJson(schema, message, { registry, useProtoFieldName: true });
}

/** An Ensemble envelope as the bytes of its message. */
export function envelopeToBinary(json: JsonValue): Uint8Array {
  return toBinary(CloudEventSchema, fromJson(CloudEventSchema, json, { registry }));
}

function envelopeToJson(bytes: Uint8Array): JsonValue {
  const envelope: CloudEvent = fromBinary(CloudEventSchema, bytes);
  return toJson(CloudEventSchema, envelope, { registry, useProtoFieldName: true });
}

function parseJson(bytes: Uint8Array): JsonValue {
  const json: JsonValue = JSON.parse(new TextDecoder().decode(bytes));
  return json;
}
