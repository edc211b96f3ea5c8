/**
 * The service's own events, as any consumer reads them: CloudEvents on stream WORKFLOWS.
 *
 * Boundary: reads with an ordered consumer, which the server forgets by itself; acknowledges
 * nothing, so no other consumer loses a message.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type ConsumerMessages, type NatsConnection, NatsError } from "nats";

/** The stream that the service publishes to. */
export const LIFECYCLE_STREAM = "WORKFLOWS";

const STREAM_TIMEOUT_MS = 10_000;
const STREAM_INTERVAL_MS = 100;

/**
 * Subscribes to all that the stream holds and will hold. `close` of the result ends the iteration.
 * The service makes the stream soon after its start, so a missing one is waited for, 10 s at most.
 */
export async function openLifecycle(connection: NatsConnection): Promise<ConsumerMessages> {
  const client = connection.jetstream();
  const options = { filterSubjects: "workflows.changes.>" };
  const giveUpAt = Date.now() + STREAM_TIMEOUT_MS;
  for (;;) {
    try {
      return await (await client.consumers.get(LIFECYCLE_STREAM, options)).consume();
    } catch (error) {
      const isMissing = error instanceof NatsError && error.api_error?.code === 404;
      if (!isMissing || Date.now() > giveUpAt) throw error;
      await delay(STREAM_INTERVAL_MS);
    }
  }
}
