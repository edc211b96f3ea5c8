/**
 * Messages of the bus as events that the service understands.
 *
 * Boundary: pure; bytes in, a value out. Never throws, whatever the bytes are.
 * Invariants:
 * 1. Whatever leaves here can be stored: no NUL character, no lone surrogate, bounded depth,
 *    attributes short enough for an index.
 * 2. A report is believed only from the service whose role the NATS subject names.
 */
import type { BusEvent } from "../engine/event.ts";
import {
  findPayloadFault,
  isJsonObject,
  type Json,
  type JsonObject,
  ownValue,
  putValue,
} from "../engine/json.ts";
import type { BusMessage, Encoding, Envelope } from "./bus-message.ts";
import { readReport } from "./bus-reports.ts";
import { structuredJson } from "./bus-structured.ts";
import { readText } from "./loose-fields.ts";
import { type Poison, poison } from "./poison.ts";

/** An event, a message that cannot be read, or one that is none of the service's business. */
export type DecodedMessage =
  | { readonly ok: true; readonly event: BusEvent }
  | Poison
  | { readonly ok: "ignored"; readonly reason: "no_tenant" };

/** Bytes of a message's body. */
export const MESSAGE_BYTES_AT_MOST = 1024 * 1024;

/** In the order in which they are tried; the first that recognises a message reads it. */
const ENCODINGS: readonly Encoding[] = [structuredJson];

const CHANGE = "events.v1.Change";
const TAP = "tap.v1.TapEventData";
const STRUCT = "google.protobuf.Struct";

const DEPTH_AT_MOST = 64;
/** A Change wraps what is meant: data.payload.output_payload. */
const WRAPPED_DEPTH_AT_MOST = DEPTH_AT_MOST + 2;

/** Bytes of an attribute in UTF-8; all of an index row must fit into 2,704 bytes. */
const ATTRIBUTE_BYTES_AT_MOST = [
  ["id", 512],
  ["source", 1024],
  ["type", 1024],
  ["subject", 2048],
  ["time", 64],
  ["workspaceId", 256],
] as const;

type Attributes = Pick<BusEvent, (typeof ATTRIBUTE_BYTES_AT_MOST)[number][0]>;

const HOPS_AT_MOST = 1_000;

/**
 * Reads a message. Ignored: an event of no tenant. Refused: a body over 1 MiB, an encoding that is
 * not known, a body or data that cannot be read or stored, missing or over-long attributes.
 */
export function decodeBusMessage(message: BusMessage): DecodedMessage {
  if (message.data.byteLength > MESSAGE_BYTES_AT_MOST) {
    return poison(
      "too_large",
      `the body has ${message.data.byteLength} bytes, the limit is ${MESSAGE_BYTES_AT_MOST}`,
    );
  }
  const encoding = ENCODINGS.find((candidate) => candidate.recognises(message));
  if (encoding === undefined) return poison("unknown_encoding", "no known encoding of events");
  const read = encoding.read(message);
  return read.ok ? decodeEnvelope(message.subject, read.envelope) : read;
}

function decodeEnvelope(natsSubject: string, envelope: Envelope): DecodedMessage {
  const typeName = typeNameOf(envelope);
  const isChange = typeName === CHANGE;
  const data = contentOf(envelope.data, typeName);
  const fault = findPayloadFault(data, isChange ? WRAPPED_DEPTH_AT_MOST : DEPTH_AT_MOST);
  if (fault !== undefined) {
    return poison(
      "bad_data",
      `the data${fault.path === "" ? "" : ` at ${fault.path}`} ${fault.problem}`,
    );
  }
  const workspaceId =
    envelope.workspaceId || readText(data, ["tenant_id", "tenantid", "organization_id"]);
  const attributes = { ...attributesOf(envelope), workspaceId };
  const attributeFault = findAttributeFault(attributes);
  if (attributeFault !== undefined) return attributeFault;
  if (workspaceId === "") return { ok: "ignored", reason: "no_tenant" };
  return { ok: true, event: makeEvent(natsSubject, envelope, attributes, typeName, data) };
}

function makeEvent(
  natsSubject: string,
  envelope: Envelope,
  attributes: Attributes,
  typeName: string,
  data: JsonObject,
): BusEvent {
  const role = natsSubject.split(".", 1)[0] ?? "";
  const change = asChange(typeName, data);
  const report = readReport(role, change?.payload ?? data, change?.aggregateId ?? "");
  const tap = asTap(typeName, role, data);
  return {
    ...attributes,
    data,
    actorAgentId: change?.actorAgentId ?? "",
    hops: readHops(envelope.hops),
    ...(report === undefined ? {} : { report }),
    ...(tap === undefined ? {} : { tap }),
  };
}

function attributesOf({ id, source, type, subject, time }: Envelope) {
  return { id, source, type, subject, time: Number.isNaN(Date.parse(time)) ? "" : time };
}

function findAttributeFault(attributes: Attributes): Poison | undefined {
  const fault = findPayloadFault({ ...attributes }, 1);
  if (fault !== undefined) return poison("bad_attribute", `${fault.path} ${fault.problem}`);
  for (const [name, limit] of ATTRIBUTE_BYTES_AT_MOST) {
    if (Buffer.byteLength(attributes[name]) > limit) {
      return poison("bad_attribute", `${name} is longer than ${limit} bytes`);
    }
  }
  return undefined;
}

function typeNameOf({ data, dataSchema }: Envelope): string {
  const marked = ownValue(data, "@type");
  const told = typeof marked === "string" && marked !== "" ? marked : dataSchema;
  return told.slice(told.lastIndexOf("/") + 1);
}

// An Any keeps the JSON of a Struct under `value` (proto3 JSON mapping of well-known types).
function contentOf(data: JsonObject, typeName: string): JsonObject {
  if (!Object.hasOwn(data, "@type")) return data;
  const value = ownValue(data, "value");
  if (typeName === STRUCT && isJsonObject(value)) return value;
  const content: JsonObject = {};
  for (const [key, field] of Object.entries(data)) {
    if (key !== "@type") putValue(content, key, field);
  }
  return content;
}

interface Change {
  readonly payload: JsonObject;
  readonly aggregateId: string;
  readonly actorAgentId: string;
}

function asChange(typeName: string, data: JsonObject): Change | undefined {
  const payload = ownValue(data, "payload");
  const aggregateId = readText(data, ["aggregate_id"]);
  if (typeName !== CHANGE && (!isJsonObject(payload) || aggregateId === "")) return undefined;
  const byAgent = /^(actor_type_)?agent$/i.test(readText(data, ["actor_type"]));
  return {
    payload: isJsonObject(payload) ? payload : {},
    aggregateId,
    actorAgentId: byAgent ? readText(data, ["actor_id"]) : "",
  };
}

function asTap(typeName: string, role: string, data: JsonObject): BusEvent["tap"] {
  const provider = readText(data, ["provider"]);
  const isUntoldTap = typeName === "" && role === "siphon" && provider !== "";
  if (typeName !== TAP && !isUntoldTap) return undefined;
  return {
    provider,
    entityType: readText(data, ["entity_type"]),
    entityId: readText(data, ["entity_id"]),
    action: readText(data, ["action"]),
  };
}

function readHops(value: Json | undefined): number {
  const hops = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof hops !== "number" || !Number.isInteger(hops) || hops < 0) return 0;
  return Math.min(hops, HOPS_AT_MOST);
}
