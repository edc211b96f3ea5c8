/**
 * What is said about an outgoing event beside its data, whatever its format.
 * Boundary: a value; lifecycle-events.ts makes it, the formats write it.
 */

/** Attributes of an event; extensions have the lower-case names of CloudEvents. */
export interface EventAttributes {
  readonly id: string;
  /** Type, subject and NATS subject in one. */
  readonly type: string;
  readonly source: "workflows";
  readonly workspaceId: string;
  /** Events of one key are published in order: the run's or the definition's id. */
  readonly key: string;
  /** RFC 3339 with milliseconds, UTC. */
  readonly time: string;
  /** Full name of the message that the data is, as proto3 JSON. */
  readonly messageName: string;
  readonly extensions: Readonly<Record<string, string | number>>;
}
