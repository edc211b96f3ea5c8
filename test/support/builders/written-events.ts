/**
 * Events as other services would write them: every encoding of the bus times every kind of data.
 *
 * Boundary: bytes come from the protobuf library and from JSON.stringify, never from src/, so that a
 * fault of the service's own readers is not made here too.
 */
import {
  create,
  createRegistry,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import {
  type Any,
  AnySchema,
  anyPack,
  StructSchema,
  timestampFromDate,
} from "@bufbuild/protobuf/wkt";
import { DelegationRecordSchema } from "../../../gen/agents/v1/agents_pb.ts";
import {
  ApprovalDecisionSchema,
  ApprovalRequestSchema,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import { ChangeSchema } from "../../../gen/events/v1/change_pb.ts";
import { CloudEventSchema } from "../../../gen/events/v1/cloudevent_pb.ts";
import { ActionEvaluationSchema } from "../../../gen/governance/v1/governance_pb.ts";
import { ObjectiveSchema } from "../../../gen/objectives/v1/objectives_pb.ts";
import { TapEventDataSchema } from "../../../gen/tap/v1/event_pb.ts";

/** Data of an event: a message, or plain JSON that is none. */
export interface EventData {
  /** Unset for plain JSON. */
  readonly type?: DescMessage;
  /** Proto3 JSON with proto field names. */
  readonly json: JsonObject;
}

/** An event before it is written. */
export interface EventToWrite {
  readonly id: string;
  readonly type: string;
  readonly subject?: string;
  /** "" for an event that names none. */
  readonly workspaceId: string;
  /** Such as `workflowhops`. */
  readonly extensions?: Readonly<Record<string, string | number>>;
  readonly data: EventData;
}

/** What goes onto the bus. */
export interface WrittenEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The messages that events carry. */
export const MESSAGES = {
  change: ChangeSchema,
  objective: ObjectiveSchema,
  delegation: DelegationRecordSchema,
  decision: ApprovalDecisionSchema,
  request: ApprovalRequestSchema,
  evaluation: ActionEvaluationSchema,
  tap: TapEventDataSchema,
  struct: StructSchema,
} as const;

const registry = createRegistry(...Object.values(MESSAGES));
const SOURCE = "https://crm.example/a b";
const TIME = "2026-01-02T03:04:05.678Z";
const TYPE_PREFIX = "type.googleapis.com/";

/** The encodings, by the names that tests show. Those marked `typed` write no plain JSON. */
export const ENCODINGS = {
  "structured JSON": { typed: false, write: structuredMarked },
  "structured JSON, type by dataschema": { typed: false, write: structuredSchema },
  "structured JSON, lower camel names": { typed: true, write: structuredCamel },
  "structured, data_base64 message": { typed: true, write: structuredMessage },
  "structured, data_base64 Any": { typed: true, write: structuredAny },
  "binary JSON": { typed: false, write: binaryJson },
  "binary message, type by dataschema": { typed: true, write: binarySchema },
  "binary message, type by content type": { typed: true, write: binaryParameter },
  "binary Any": { typed: true, write: binaryAny },
  "Ensemble JSON, proto names": { typed: false, write: ensembleProtoNames },
  "Ensemble JSON, lower camel names": { typed: true, write: ensembleCamel },
  "Ensemble protobuf": { typed: true, write: ensembleProtobuf },
} as const satisfies Record<string, { typed: boolean; write(event: EventToWrite): WrittenEvent }>;

/** Names of the encodings. */
export type EncodingName = keyof typeof ENCODINGS;

/** All encodings that can write this data. */
export function encodingsFor(data: EventData): EncodingName[] {
  const names: EncodingName[] = [];
  for (const name of encodingNames) {
    if (data.type !== undefined || !ENCODINGS[name].typed) names.push(name);
  }
  return names;
}

const encodingNames: readonly EncodingName[] = Object.keys(ENCODINGS).filter(
  (name): name is EncodingName => name in ENCODINGS,
);

/** The events.v1.CloudEvent in bytes, around this Any. */
export function ensembleBytes(event: EventToWrite, data: Any): Uint8Array {
  return toBinary(CloudEventSchema, envelopeOf(event, data));
}

/** The data's Any. */
export function anyOf({ type, json }: EventData): Any {
  const desc = type ?? StructSchema;
  return anyPack(desc, fromJson(desc, json));
}

/** The attributes as a structured CloudEvent has them. */
export function attributesOf(event: EventToWrite): JsonObject {
  return {
    specversion: "1.0",
    id: event.id,
    source: SOURCE,
    type: event.type,
    time: TIME,
    ...(event.subject === undefined ? {} : { subject: event.subject }),
    ...(event.workspaceId === "" ? {} : { tenantid: event.workspaceId }),
    ...event.extensions,
  };
}

function structured(event: EventToWrite, more: JsonObject): WrittenEvent {
  return {
    headers: { "Content-Type": "application/cloudevents+json" },
    body: Buffer.from(JSON.stringify({ ...attributesOf(event), ...more })),
  };
}

function structuredMarked(event: EventToWrite): WrittenEvent {
  return structured(event, { datacontenttype: "application/json", data: markedJson(event.data) });
}

function structuredSchema(event: EventToWrite): WrittenEvent {
  const { type, json } = event.data;
  return structured(event, {
    data: json,
    ...(type === undefined ? {} : { dataschema: `https://${TYPE_PREFIX}${type.typeName}` }),
  });
}

function structuredCamel(event: EventToWrite): WrittenEvent {
  return structured(event, { data: anyJson(anyOf(event.data), false) });
}

function structuredMessage(event: EventToWrite): WrittenEvent {
  return structured(event, {
    datacontenttype: "application/protobuf",
    dataschema: `https://schemas.example/${nameOf(event.data)}`,
    data_base64: Buffer.from(bytesOf(event.data)).toString("base64"),
  });
}

function structuredAny(event: EventToWrite): WrittenEvent {
  const any = toBinary(AnySchema, anyOf(event.data));
  return structured(event, {
    datacontenttype: "application/x-protobuf",
    data_base64: Buffer.from(any).toString("base64"),
  });
}

function binary(event: EventToWrite, more: Record<string, string>, body: Uint8Array): WrittenEvent {
  const headers: Record<string, string> = { ...more };
  for (const [name, value] of Object.entries(attributesOf(event))) {
    headers[`ce-${name}`] = encodeURI(String(value));
  }
  return { headers, body };
}

function binaryJson(event: EventToWrite): WrittenEvent {
  const body = Buffer.from(JSON.stringify(markedJson(event.data)));
  return binary(event, { "Content-Type": "application/json; charset=utf-8" }, body);
}

function binarySchema(event: EventToWrite): WrittenEvent {
  const more = {
    "ce-datacontenttype": "application/protobuf",
    "ce-dataschema": TYPE_PREFIX + nameOf(event.data),
  };
  return binary(event, more, bytesOf(event.data));
}

function binaryParameter(event: EventToWrite): WrittenEvent {
  const contentType = `application/x-protobuf; messageType="${nameOf(event.data)}"`;
  return binary(event, { "Content-Type": contentType }, bytesOf(event.data));
}

function binaryAny(event: EventToWrite): WrittenEvent {
  const any = toBinary(AnySchema, anyOf(event.data));
  const more = { "Content-Type": "application/protobuf", "ce-dataschema": "google.protobuf.Any" };
  return binary(event, more, any);
}

function ensembleProtoNames(event: EventToWrite): WrittenEvent {
  if (event.data.type !== undefined) return ensembleJson(event, true);
  const envelope = toJson(CloudEventSchema, envelopeOf(event), { useProtoFieldName: true });
  return jsonMessage({ ...requireObject(envelope), data: event.data.json });
}

function ensembleCamel(event: EventToWrite): WrittenEvent {
  return ensembleJson(event, false);
}

function ensembleJson(event: EventToWrite, useProtoFieldName: boolean): WrittenEvent {
  const envelope = envelopeOf(event, anyOf(event.data));
  return jsonMessage(toJson(CloudEventSchema, envelope, { registry, useProtoFieldName }));
}

function ensembleProtobuf(event: EventToWrite): WrittenEvent {
  return { headers: {}, body: ensembleBytes(event, anyOf(event.data)) };
}

function jsonMessage(json: JsonValue): WrittenEvent {
  return { headers: {}, body: Buffer.from(JSON.stringify(json)) };
}

function envelopeOf(event: EventToWrite, data?: Any) {
  const extensions = Object.fromEntries(
    Object.entries(event.extensions ?? {}).map(([name, value]) => {
      const kind =
        typeof value === "number"
          ? ({ case: "numberValue", value } as const)
          : ({ case: "stringValue", value } as const);
      return [name, { kind }];
    }),
  );
  return create(CloudEventSchema, {
    specVersion: "1.0",
    id: event.id,
    type: event.type,
    source: SOURCE,
    subject: event.subject ?? "",
    time: timestampFromDate(new Date(TIME)),
    tenantId: event.workspaceId,
    extensions,
    ...(data === undefined ? {} : { data }),
  });
}

function markedJson(data: EventData): JsonObject {
  return data.type === undefined ? data.json : anyJson(anyOf(data), true);
}

function anyJson(any: Any, useProtoFieldName: boolean): JsonObject {
  return requireObject(toJson(AnySchema, any, { registry, useProtoFieldName }));
}

function bytesOf({ type = StructSchema, json }: EventData): Uint8Array {
  return toBinary(type, fromJson(type, json));
}

function nameOf({ type = StructSchema }: EventData): string {
  return type.typeName;
}

function requireObject(value: JsonValue): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new TypeError("a JSON object is needed here");
}
