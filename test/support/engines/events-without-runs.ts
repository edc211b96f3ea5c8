/**
 * Events of the outside that started no run: which the service lost, and which its server never delivered to it.
 * Boundary: compares the stream, message by message, with the runs and with the acknowledgements that were seen. An
 * acknowledgement that nobody saw excuses no other event.
 */
import type { NatsConnection } from "nats";
import { until } from "../assertions/until.ts";

const IDLE_WITHIN_MS = 60_000;
const MESSAGES_AT_ONCE = 1_000;

/** What is known beside the stream. */
interface Seen {
  /** Ids of the events that the stream acknowledged. */
  readonly events: readonly string[];
  /** Asks for those that have a run. */
  readonly findStarted: () => Promise<ReadonlySet<string>>;
  /** Sequences that the service acknowledged. */
  readonly acked: ReadonlySet<number>;
}

/** What became of the events. */
interface Fate {
  /** The service has them and started nothing, or the stream lost them. */
  readonly lost: readonly string[];
  /** The server counts them as acknowledged, and the service never acknowledged them. */
  readonly skipped: readonly string[];
  /** Events with a run whose acknowledgement nobody saw. */
  readonly unseen: number;
}

/** Waits until the consumers of a stream are done, and sorts out its events. */
export async function sortEvents(
  connection: NatsConnection,
  stream: string,
  { events, findStarted, acked }: Seen,
): Promise<Fate> {
  await untilIdle(connection, stream);
  const started = await findStarted();
  return fateOf(await readSequences(connection, stream), { events, started, acked });
}

/** Sorts out events by where the stream has each. */
export function fateOf(
  sequences: ReadonlyMap<string, readonly number[]>,
  { events, started, acked }: Omit<Seen, "findStarted"> & { readonly started: ReadonlySet<string> },
): Fate {
  const isAcked = (id: string) => sequences.get(id)?.some((seq) => acked.has(seq)) === true;
  const without = events.filter((id) => !started.has(id));
  const lost = without.filter((id) => isAcked(id) || !sequences.has(id));
  return {
    lost,
    skipped: without.filter((id) => !lost.includes(id)),
    unseen: events.filter((id) => started.has(id) && !isAcked(id)).length,
  };
}

async function untilIdle(connection: NatsConnection, stream: string): Promise<void> {
  const manager = await connection.jetstreamManager();
  await until(async () => {
    const consumers = await manager.consumers.list(stream).next();
    const open = consumers.some(
      ({ num_pending, num_ack_pending }) => num_pending + num_ack_pending > 0,
    );
    return open || consumers.length === 0 ? undefined : true;
  }, IDLE_WITHIN_MS);
}

/** Where the stream has each event, by the event's id. */
async function readSequences(
  connection: NatsConnection,
  stream: string,
): Promise<Map<string, number[]>> {
  const sequences = new Map<string, number[]>();
  const consumer = await connection.jetstream().consumers.get(stream);
  const messages = await consumer.consume({ max_messages: MESSAGES_AT_ONCE });
  for await (const message of messages) {
    const { id } = message.json<{ readonly id: string }>();
    sequences.set(id, [...(sequences.get(id) ?? []), message.seq]);
    if (message.info.pending === 0) break;
  }
  await messages.close();
  return sequences;
}
