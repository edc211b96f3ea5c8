/**
 * The stream that the service's events go to.
 * Boundary: made when it is missing, never changed when it is there: it belongs to whoever runs the bus.
 */
import { type NatsConnection, NatsError, nanos } from "nats";

const SUBJECTS = "workflows.changes.>";
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000;
/** Repeats of an event come within this time, but for a bus that was away for longer. */
const DUPLICATES_MS = 10 * 60 * 1000;
const STREAM_NOT_FOUND = 10_059;

/** Makes the stream when it is missing. Rejects when the bus cannot be asked or refuses. */
export async function ensureOwnStream(connection: NatsConnection, name: string): Promise<void> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    await manager.streams.info(name);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== STREAM_NOT_FOUND)
      throw error;
    await manager.streams.add({
      name,
      subjects: [SUBJECTS],
      max_age: nanos(MAX_AGE_MS),
      duplicate_window: nanos(DUPLICATES_MS),
    });
  }
}
