/**
 * A message as it came from the bus, and what each encoding makes of it.
 *
 * Boundary: the meeting point of the encodings (one file each) and events.ts, which knows none
 * of their details.
 */
import type { Json, JsonObject } from "../../engine/values/json.ts";
import type { Ignored, Poison } from "./poison.ts";

/** A message from the bus. Header names are in lower case; of a header that came twice, the first. */
export interface BusMessage {
  /** The NATS subject, not the event's. */
  readonly subject: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly data: Uint8Array;
}

/** A message for which an encoding is sought. */
export interface Candidate extends BusMessage {
  /** The body as one JSON object, or why it is none; parsed once and cached. */
  jsonBody(): { readonly ok: true; readonly value: JsonObject } | Poison;
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
  /** Extensions `runid` and `stepid`: what an event is about whose typed data cannot name it. */
  readonly runId: string;
  readonly stepId: string;
  /** All extension attributes by name, as texts. */
  readonly extensions: Readonly<Record<string, string>>;
  /** With its `@type`, when it has one. */
  readonly data: JsonObject;
}

/** What an encoding made of a message. */
export type ReadEnvelope = { readonly ok: true; readonly envelope: Envelope } | Poison | Ignored;

/** One way in which events are written. */
export interface Encoding {
  readonly name: string;
  /** Whether the message is to be read in this way; says nothing about whether it can be. */
  recognises(candidate: Candidate): boolean;
  /** The envelope, or what is wrong with it. Never throws. */
  read(candidate: Candidate): ReadEnvelope;
}
