/**
 * Hears the events that all replicas publish, for those who tail them.
 * Boundary: one plain subscription; what it takes in is runtime/event-feed.ts. It reads no stream: there is no history, and JetStream
 * does nothing for it.
 */
import type { NatsConnection, NatsError } from "nats";
import { Refusal } from "../../process/refusal.ts";
import type { EventListener } from "../../runtime/event-feed.ts";
import { readOwnEvent } from "../../wire/bus/own-events.ts";
import { OWN_SUBJECTS } from "../../wire/events/cloud-events.ts";
import { firstValuesOf } from "./first-values.ts";

const ANSWER_MS = 2_000;

/** Resolves when the server knows of the subscription; what it gives ends it. Rejects with a Refusal when it does not answer. */
export async function listenToPublished(
  connection: NatsConnection,
  listener: EventListener,
): Promise<() => void> {
  const subscription = connection.subscribe(OWN_SUBJECTS, {
    callback(error, message) {
      if (error !== null) return listener.end(troubleOf(error));
      const { subject, headers, data } = message;
      const read = () => readOwnEvent({ subject, headers: firstValuesOf(headers ?? []), data });
      listener.take(subject, read);
    },
  });
  try {
    await answered(connection);
  } catch (cause) {
    subscription.unsubscribe();
    throw new Refusal("unavailable", "NATS does not answer now", { cause });
  }
  return () => subscription.unsubscribe();
}

/** A permission that is refused is heard before the answer. */
async function answered(connection: NatsConnection): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    await Promise.race([connection.flush(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function troubleOf(error: NatsError): string {
  return `NATS does not let the service hear ${OWN_SUBJECTS} (${error.code})`;
}
