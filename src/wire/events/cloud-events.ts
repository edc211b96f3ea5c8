/**
 * An outgoing event as the bytes of a bus message, in the format that the bus is configured for.
 * Boundary: pure; what an event says is decided by lifecycle-events.ts. CloudEvents 1.0 in structured JSON mode is made
 * here, the platform's own envelope in ensemble-events.ts.
 */
import { textSizeBytes } from "../../engine/values/json.ts";
import type { EventAttributes } from "./attributes.ts";
import { ensembleJsonBody, ensembleProtobufBody } from "./ensemble-events.ts";
import { TYPE_PREFIX } from "./event-data.ts";
import { fieldsText, quoted } from "./event-text.ts";

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

/** The subjects of all events that the service publishes. */
export const OWN_SUBJECTS = "workflows.changes.>";
/** An event's bytes at most; larger data goes by reference. */
export const MAX_EVENT_BYTES = 64 * 1024;

const WORST_BYTES_PER_CHAR = 3;

interface Format {
  /** Of the whole message: the header `Content-Type`. */
  readonly contentType: string;
  encode(attributes: EventAttributes, data: string): string | Uint8Array;
}

const FORMATS: Readonly<Record<EventFormat, Format>> = {
  cloudevents: { contentType: "application/cloudevents+json", encode: structuredBody },
  "ensemble-json": { contentType: "application/json", encode: ensembleJsonBody },
  "ensemble-protobuf": { contentType: "application/protobuf", encode: ensembleProtobufBody },
};

/** Writes an event; `data` is the text of the message's proto3 JSON with `@type`. */
export function encodeEvent(
  format: EventFormat,
  attributes: EventAttributes,
  data: string,
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
function structuredBody(attributes: EventAttributes, data: string): string {
  const { id, type, time, messageName, workspaceId, key, extensions } = attributes;
  const kind = quoted(type);
  return (
    `{"id":${quoted(id)},"time":"${time}","type":${kind},"source":"${attributes.source}",` +
    `"specversion":"1.0","datacontenttype":"application/json","subject":${kind},` +
    `"dataschema":"https://${TYPE_PREFIX}${messageName}","data":${data},` +
    `"tenantid":${quoted(workspaceId)},"partitionkey":${quoted(key)}${fieldsText(extensions)}}`
  );
}
