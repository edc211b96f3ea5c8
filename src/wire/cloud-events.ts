/**
 * An outgoing event as the bytes of a bus message (CloudEvents 1.0, structured JSON mode).
 * Boundary: pure; what an event says is decided by lifecycle-events.ts. Further formats of the bus are further encoders
 * here, chosen by name.
 */
import { CloudEvent } from "cloudevents";
import { type JsonObject, textSizeBytes } from "../engine/json.ts";

/** Attributes of an event; extensions have the lower-case names of CloudEvents. */
export interface EventAttributes {
  readonly id: string;
  /** Type, subject and NATS subject in one. */
  readonly type: string;
  readonly workspaceId: string;
  /** Events of one key are published in order: the run's or the definition's id. */
  readonly key: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Full name of the message that the data is, as proto3 JSON. */
  readonly messageName: string;
  readonly extensions: Readonly<Record<string, string | number>>;
}

/** A message for the bus; its id is also the `Nats-Msg-Id`. */
export interface OutgoingEvent {
  readonly id: string;
  readonly subject: string;
  readonly contentType: string;
  readonly body: string;
}

/** How events are written on the bus. */
export type EventFormat = "cloudevents";

/** An event's bytes at most; larger data goes by reference. */
export const MAX_EVENT_BYTES = 64 * 1024;

const TYPE_PREFIX = "type.googleapis.com/";
const WORST_BYTES_PER_CHAR = 3;

type Encoder = (attributes: EventAttributes, data: JsonObject) => OutgoingEvent;
const ENCODERS: Readonly<Record<EventFormat, Encoder>> = { cloudevents: encodeStructured };

/** Writes an event; `data` is the message's proto3 JSON without `@type`. */
export function encodeEvent(
  format: EventFormat,
  attributes: EventAttributes,
  data: JsonObject,
): OutgoingEvent {
  return ENCODERS[format](attributes, data);
}

/** Whether an event may be published as it is. */
export function fitsBus({ body }: OutgoingEvent): boolean {
  if (body.length * WORST_BYTES_PER_CHAR <= MAX_EVENT_BYTES) return true;
  return textSizeBytes(body) <= MAX_EVENT_BYTES;
}

function encodeStructured(attributes: EventAttributes, data: JsonObject): OutgoingEvent {
  const { id, type, messageName } = attributes;
  const event = new CloudEvent<JsonObject>(
    {
      id,
      type,
      source: "workflows",
      subject: type,
      time: attributes.time,
      datacontenttype: "application/json",
      dataschema: `https://${TYPE_PREFIX}${messageName}`,
      tenantid: attributes.workspaceId,
      partitionkey: attributes.key,
      ...attributes.extensions,
      data: { "@type": TYPE_PREFIX + messageName, ...data },
    },
    // Every attribute is made here, so the library's check of each event is left to the tests.
    false,
  );
  return {
    id,
    subject: type,
    contentType: "application/cloudevents+json",
    body: event.toString(),
  };
}
