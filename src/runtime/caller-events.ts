/** Events that callers publish on the bus. Boundary: types; ingress/bus/caller-events.ts publishes. */
import type { JsonObject } from "../engine/values/json.ts";

/** An event of a caller. */
export interface CallerEvent {
  readonly workspaceId: string;
  readonly id: string;
  /** Attributes of CloudEvents besides id and tenant: type, source, time, and those that are not empty. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: JsonObject;
}

/** Where an event was stored. */
export interface PlacedEvent {
  readonly stream: string;
  /** Of NATS. */
  readonly subject: string;
  readonly seq: number;
}

/** Resolves when the stream has stored the event; rejects with a Refusal. */
export type PublishForCaller = (event: CallerEvent) => Promise<PlacedEvent>;
