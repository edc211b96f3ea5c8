/**
 * An outgoing event as the bytes of a bus message, in the format that the bus is configured for.
 * Boundary: pure; what an event says is decided by lifecycle-events.ts. CloudEvents 1.0 in structured JSON mode is made
 * here, the platform's own envelope in ensemble-events.ts.
 */
import { textSizeBytes } from "../../engine/values/json.ts";
import type { EventAttributes } from "./attributes.ts";
import { ensembleJsonBody, ensembleProtobufBody } from "./ensemble-events.ts";
import { type Fields, TYPE_PREFIX } from "./event-data.ts";

/** A message for the bus; its id is also the `Nats-Msg-Id`. */
export interface OutgoingEvent {
  readonly id: string;
  readonly subject: string;
  readonly contentType: string;
  /** Text in UTF-8, or bytes that are no text. */
  readonly body: string | Uint8Array;
}

/** How events are written on the bus (BUS_FORMAT). */
export type EventFormat = "cloudevents" | "ensemble-json" | "ensemble-protobuf";

/** An event's bytes at most; larger data goes by reference. */
export const MAX_EVENT_BYTES = 64 * 1024;

const WORST_BYTES_PER_CHAR = 3;

interface Format {
  /** Of the whole message: the header `Content-Type`. */
  readonly contentType: string;
  encode(attributes: EventAttributes, data: Fields): string | Uint8Array;
}

const FORMATS: Readonly<Record<EventFormat, Format>> = {
  cloudevents: { contentType: "application/cloudevents+json", encode: structuredBody },
  "ensemble-json": { contentType: "application/json", encode: ensembleJsonBody },
  "ensemble-protobuf": { contentType: "application/protobuf", encode: ensembleProtobufBody },
};

/** Writes an event; `data` is the message's proto3 JSON with `@type`. */
export function encodeEvent(
  format: EventFormat,
  attributes: EventAttributes,
  data: Fields,
): OutgoingEvent {
  const { contentType, encode } = FORMATS[format];
  const { id, type } = attributes;
  return { id, subject: type, contentType, body: encode(attributes, data) };
}

/** Whether an event may be published as it is. */
export function fitsBus({ body }: OutgoingEvent): boolean {
  if (typeof body !== "string") return body.length <= MAX_EVENT_BYTES;
  if (body.length * WORST_BYTES_PER_CHAR <= MAX_EVENT_BYTES) return true;
  return textSizeBytes(body) <= MAX_EVENT_BYTES;
}

// In the order in which the package cloudevents writes attributes.
function structuredBody(attributes: EventAttributes, data: Fields): string {
  const { id, type, source, time, messageName } = attributes;
  return JSON.stringify({
    id,
    time,
    type,
    source,
    specversion: "1.0",
    datacontenttype: "application/json",
    subject: type,
    dataschema: `https://${TYPE_PREFIX}${messageName}`,
    data,
    tenantid: attributes.workspaceId,
    partitionkey: attributes.key,
    ...attributes.extensions,
  });
}
