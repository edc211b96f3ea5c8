/**
 * Publishes events of callers where the service listens, so that they come back as every other event does.
 * Boundary: one message to JetStream; who may publish for which workspace is decided before.
 * Invariants:
 * 1. The subject speaks for no collaborator: an event of a caller never reports on an objective, an approval, a delegation or
 *    an evaluation. The service's own stream is not written either.
 * 2. The data says that it is a Struct: on a subject of the siphon, data without a type could be a tap event.
 */
import { headers, type NatsConnection } from "nats";
import { Refusal } from "../../process/refusal.ts";
import type { PublishForCaller } from "../../runtime/caller-events.ts";
import { REPORTING_ROLES } from "../../wire/bus/reports.ts";
import { STRUCT } from "../../wire/proto/message-types.ts";
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
const OF_EACH_EVENT = {
  specversion: "1.0",
  datacontenttype: "application/json",
  dataschema: `type.googleapis.com/${STRUCT}`,
};

function environmentOf({ environment }: Readonly<Record<string, string>>): string[] {
  return environment === undefined ? [] : [environment];
}

/** Makes the function: the first source that is no collaborator's takes the events. */
export function createCallerEvents(deps: CallerEventsDeps): PublishForCaller {
  const { connection, sources, ownStream } = deps;
  const target = sources
    .filter(({ stream, queue }) => stream !== ownStream && queue === undefined)
    .map(({ stream, subject }) => ({ stream, subject: subject.replaceAll(/[*>]/g, TOKEN) }))
    .find(({ subject }) => !REPORTING_ROLES.has(subject.split(".", 1)[0] ?? ""));
  return async ({ workspaceId, id, source, attributes, data }) => {
    if (target === undefined) {
      throw new Refusal("illegal_move", "BUS_SOURCES has no source for events of callers");
    }
    const envelope = { ...OF_EACH_EVENT, id, source, ...attributes, tenantid: workspaceId };
    const body = JSON.stringify({ ...envelope, data });
    const fields = headers();
    fields.set("Content-Type", "application/cloudevents+json");
    try {
      const { seq, duplicate } = await connection
        .jetstream()
        .publish(target.subject, Buffer.from(body), {
          headers: fields,
          // Two workspaces may use one id, and so may two sources, and two environments.
          msgID: [workspaceId, source, id, ...environmentOf(attributes)]
            .map(encodeURIComponent)
            .join("/"),
          expect: { streamName: target.stream },
          timeout: ANSWER_MS,
        });
      return { ...target, seq, duplicate };
    } catch (cause) {
      throw new Refusal("unavailable", `the stream ${target.stream} does not take the event now`, {
        cause,
      });
    }
  };
}
