/**
 * A message as it came from the bus, and what each encoding makes of it.
 *
 * Boundary: the meeting point of the encodings (one file each) and bus-events.ts, which knows none
 * of their details.
 */
import type { Json, JsonObject } from "../engine/json.ts";
import type { Poison } from "./poison.ts";

/** A message from the bus. Header names are in lower case; of a header that came twice, the first. */
export interface BusMessage {
  /** The NATS subject, not the event's. */
  readonly subject: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly data: Uint8Array;
}

/** The attributes and the data of an event, whatever its encoding. Unset texts are "". */
export interface Envelope {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly workspaceId: string;
  readonly dataSchema: string;
  /** Extension `workflowhops` as it came. */
  readonly hops: Json | undefined;
  /** With its `@type`, when it has one. */
  readonly data: JsonObject;
}

/** One way in which events are written. */
export interface Encoding {
  readonly name: string;
  /** Whether the message is to be read in this way; says nothing about whether it can be. */
  recognises(message: BusMessage): boolean;
  /** The envelope, or what is wrong with it. Never throws. */
  read(message: BusMessage): { readonly ok: true; readonly envelope: Envelope } | Poison;
}
