/**
 * Messages of the bus as events that the service understands.
 *
 * Boundary: pure; bytes in, a value out. Never throws, whatever the bytes are.
 * Invariants:
 * 1. Whatever leaves here can be stored: no NUL character, no lone surrogate, bounded depth,
 *    attributes short enough for an index.
 * 2. A report is believed only from the service whose role the NATS subject names.
 */

import { parsePointInTime } from "../../engine/graph/point-in-time.ts";
import { environmentOfEvent } from "../../engine/values/environment.ts";
import type { BusEvent } from "../../engine/values/event.ts";
import {
  findPayloadFault,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../engine/values/json.ts";
import { CHANGE } from "../proto/message-types.ts";
import { readAttribute } from "./attributes.ts";
import { binaryMode } from "./binary.ts";
import { asChange, asTap, contentOf, typeNameOf } from "./content.ts";
import { decodeUtf8 } from "./data.ts";
import { ensembleJson } from "./ensemble-json.ts";
import { ensembleProtobuf } from "./ensemble-protobuf.ts";
import { parseJson, readField } from "./loose-fields.ts";
import { readMember } from "./members.ts";
import type { BusMessage, Candidate, Encoding, Envelope, ReadEnvelope } from "./message.ts";
import { type Ignored, ignored, type Poison, poison } from "./poison.ts";
import { type ReadReport, readReport } from "./reports.ts";
import { structuredJson } from "./structured.ts";

/** An event, a message that cannot be read, or one that does not concern the service. */
export type DecodedMessage =
  | {
      readonly ok: true;
      readonly event: BusEvent;
      /** Why the event gives no report although it names an object. */
      readonly ignoredReport?: "contradictory";
    }
  | Poison
  | Ignored;

/** Bytes of a message's body. */
const MESSAGE_BYTES_AT_MOST = 1024 * 1024;

/** In the order in which they are tried; the first that recognises a message reads it. */
const ENCODINGS: readonly Encoding[] = [binaryMode, ensembleJson, ensembleProtobuf, structuredJson];

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
 * Reads a message. Ignored: an event of no tenant, and data of an unknown protobuf type.
 * Refused: a body over 1 MiB, a body or data that cannot be read or stored, missing or
 * over-long attributes.
 */
export function decodeBusMessage(message: BusMessage): DecodedMessage {
  if (message.data.byteLength > MESSAGE_BYTES_AT_MOST) {
    return poison(
      "too_large",
      `the body has ${message.data.byteLength} bytes, the limit is ${MESSAGE_BYTES_AT_MOST}`,
    );
  }
  const read = readEnvelope(message);
  return read.ok === true ? decodeEnvelope(message.subject, read.envelope) : read;
}

/** What the encoding that recognises a message makes of it. */
export function readEnvelope(message: BusMessage): ReadEnvelope {
  const candidate = openMessage(message);
  const encoding = ENCODINGS.find(({ recognises }) => recognises(candidate)) ?? structuredJson;
  return encoding.read(candidate);
}

function openMessage(message: BusMessage): Candidate {
  let body: ReturnType<Candidate["jsonBody"]> | undefined;
  return {
    ...message,
    jsonBody() {
      body ??= parseBody(message.data);
      return body;
    },
  };
}

function parseBody(data: Uint8Array): { ok: true; value: JsonObject } | Poison {
  const text = decodeUtf8(data);
  if (text === undefined) return poison("not_utf8", "the body is not UTF-8");
  const body = parseJson(text);
  if (body === undefined) return poison("not_json", "the body is not JSON");
  if (isJsonObject(body)) return { ok: true, value: body };
  return poison("not_an_object", "the body is not a JSON object");
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
    envelope.workspaceId ||
    readAttribute((name) => readField(data, [name]), "tenant_id", "tenantid", "organization_id");
  const attributes = { ...attributesOf(envelope), workspaceId };
  const attributeFault = findAttributeFault(attributes);
  if (attributeFault !== undefined) return attributeFault;
  if (workspaceId === "") return ignored("no_tenant");
  return makeEvent(natsSubject, envelope, attributes, typeName, data);
}

function makeEvent(
  natsSubject: string,
  envelope: Envelope,
  attributes: Attributes,
  typeName: string,
  data: JsonObject,
): DecodedMessage {
  const role = natsSubject.split(".", 1)[0] ?? "";
  const change = asChange(typeName, data);
  const { runId, stepId } = envelope;
  const read: ReadReport = readReport(role, {
    typeName: change === undefined ? typeName : "",
    body: change?.payload ?? data,
    aggregateId: change?.aggregateId ?? "",
    runId,
    stepId,
  });
  const tap = asTap(typeName, role, data);
  const member = readMember({ role, type: attributes.type, typeName, data, change });
  const environment = environmentOfEvent(envelope.extensions);
  const event: BusEvent = {
    ...attributes,
    data,
    extensions: { ...envelope.extensions, tenantid: attributes.workspaceId },
    ...(environment === undefined ? {} : { environment }),
    actorAgentId: change?.actorAgentId ?? "",
    hops: readHops(envelope.hops),
    ...(typeof read === "object" ? { report: read } : {}),
    ...(tap === undefined ? {} : { tap }),
    ...(member === undefined ? {} : { member }),
  };
  return read === "contradictory" ? { ok: true, event, ignoredReport: read } : { ok: true, event };
}

function attributesOf({ id, source, type, subject, time }: Envelope) {
  return { id, source, type, subject, time: parsePointInTime(time) === undefined ? "" : time };
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

function readHops(value: Json | undefined): number {
  const hops = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof hops !== "number" || !Number.isInteger(hops) || hops < 0) return 0;
  return Math.min(hops, HOPS_AT_MOST);
}
