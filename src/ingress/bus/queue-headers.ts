/**
 * Plain messages of a queue as events: CloudEvents in binary mode, by headers that the service adds.
 * Boundary: headers; the body is the event's data and stays as it came. A message that is put aside keeps the added headers, so
 * it is the same event when it is retried.
 */
import type { JsMsg } from "nats";
import { STRUCT } from "../../wire/proto/message-types.ts";

/** The event that each message of a queue becomes. */
export interface QueueEvents {
  readonly workspaceId: string;
  /** The event's type: `queue.` and more. */
  readonly type: string;
}

const OURS = /^(?:ce-|content-type$)/i;
const NANOS_A_MS = 1e6;

/** All values of each header; those of an event are added for a message of a queue, in place of its own. */
export function headersOf(
  message: JsMsg,
  queue: QueueEvents | undefined,
): (readonly [name: string, values: readonly string[]])[] {
  const sent = [...(message.headers ?? [])];
  if (queue === undefined) return sent;
  const { stream, timestampNanos } = message.info;
  const time = new Date(Math.floor(timestampNanos / NANOS_A_MS)).toISOString();
  const event = {
    specversion: "1.0",
    // A stream that is made anew counts from 1 again.
    id: message.headers?.get("Nats-Msg-Id") || `${message.seq}/${timestampNanos}`,
    source: `nats/${stream}`,
    type: queue.type,
    subject: message.subject,
    time,
    tenantid: queue.workspaceId,
    datacontenttype: "application/json",
    // Data without a type could be taken for another one's.
    dataschema: `type.googleapis.com/${STRUCT}`,
  };
  return [
    ...sent.filter(([name]) => !OURS.test(name)),
    ...Object.entries(event).map(
      ([name, value]) => [`ce-${name}`, [encodeURIComponent(value)]] as const,
    ),
  ];
}
