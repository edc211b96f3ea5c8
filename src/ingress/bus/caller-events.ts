/**
 * Publishes events of callers where the service listens, so that they come back as every other event does.
 * Boundary: one message to JetStream; who may publish for which workspace is decided before.
 * Invariant: the subject speaks for no collaborator: an event of a caller never reports on an objective, an approval, a
 * delegation or an evaluation. The service's own stream is not written either.
 */
import { headers, type NatsConnection } from "nats";
import { Refusal } from "../../process/refusal.ts";
import type { PublishForCaller } from "../../runtime/caller-events.ts";
import { REPORTING_ROLES } from "../../wire/bus/reports.ts";
import type { BusSource } from "./sources.ts";

/** What publishing needs. */
export interface CallerEventsDeps {
  readonly connection: NatsConnection;
  readonly sources: readonly BusSource[];
  /** The stream of the service's own events (BUS_STREAM). */
  readonly ownStream: string;
}

const TOKEN = "ops";
const ANSWER_MS = 2_000;

/** Makes the function: the first source that is no collaborator's takes the events. */
export function createCallerEvents(deps: CallerEventsDeps): PublishForCaller {
  const { connection, sources, ownStream } = deps;
  const target = sources
    .filter(({ stream }) => stream !== ownStream)
    .map(({ stream, subject }) => ({ stream, subject: subject.replaceAll(/[*>]/g, TOKEN) }))
    .find(({ subject }) => !REPORTING_ROLES.has(subject.split(".", 1)[0] ?? ""));
  return async ({ workspaceId, id, attributes, data }) => {
    if (target === undefined) {
      throw new Refusal("illegal_move", "BUS_SOURCES has no source for events of callers");
    }
    const envelope = { specversion: "1.0", id, ...attributes, tenantid: workspaceId };
    const body = JSON.stringify({ ...envelope, datacontenttype: "application/json", data });
    const fields = headers();
    fields.set("Content-Type", "application/cloudevents+json");
    try {
      const { seq } = await connection.jetstream().publish(target.subject, Buffer.from(body), {
        headers: fields,
        // Two workspaces may use one id.
        msgID: `${encodeURIComponent(workspaceId)}/${encodeURIComponent(id)}`,
        expect: { streamName: target.stream },
        timeout: ANSWER_MS,
      });
      return { ...target, seq };
    } catch (cause) {
      throw new Refusal("unavailable", `the stream ${target.stream} does not take the event now`, {
        cause,
      });
    }
  };
}
