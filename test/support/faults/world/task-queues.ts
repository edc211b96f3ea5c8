/**
 * What is queued for workers: the stream of tasks and its consumers, as JetStream counts them.
 * Boundary: a stream that is not there has nothing.
 */
import type { NatsConnection } from "nats";
import { WORKER_ACK_WAIT_MS } from "../short-settings.ts";

/** The stream, and the consumer of each queue. */
export interface TaskQueues {
  /** Messages on the stream. */
  readonly messages: number;
  readonly consumers: readonly {
    readonly name: string;
    /** Messages that were not delivered. */
    readonly undelivered: number;
    /** Messages that were delivered and not acknowledged. */
    readonly unacknowledged: number;
    /** The last sequence that was delivered. */
    readonly deliveredSeq: number;
    /** Workers that wait for messages. */
    readonly pulls: number;
    /** Up to here all is acknowledged. */
    readonly acknowledgedSeq: number;
  }[];
  /** The first sequence on the stream. */
  readonly firstSeq: number;
}

const STREAM = "WORKFLOWS_TASKS";

/** Looks. Rejects while JetStream cannot be asked. */
export async function lookAtTaskQueues(connection: NatsConnection): Promise<TaskQueues> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  for await (const { config, state } of manager.streams.list()) {
    if (config.name !== STREAM) continue;
    const consumers = await manager.consumers.list(STREAM).next();
    return {
      messages: state.messages,
      firstSeq: state.first_seq,
      consumers: consumers.map((consumer) => ({
        name: consumer.name,
        undelivered: consumer.num_pending,
        unacknowledged: consumer.num_ack_pending,
        deliveredSeq: consumer.delivered.stream_seq,
        acknowledgedSeq: consumer.ack_floor.stream_seq,
        pulls: consumer.num_waiting,
      })),
    };
  }
  return { messages: 0, firstSeq: 0, consumers: [] };
}

/**
 * Takes what JetStream delivers when no worker runs, and deletes the consumers: workers make them again. Gives the number of
 * messages. A NATS server that was killed may count messages as unacknowledged that its stream has no longer (seen with 2.9.10):
 * these never come.
 */
export async function takeUnacknowledged(connection: NatsConnection): Promise<number> {
  const manager = await connection.jetstreamManager();
  const { consumers } = await lookAtTaskQueues(connection);
  const taken = await Promise.all(
    consumers.map(async ({ name }) => {
      const consumer = await connection.jetstream().consumers.get(STREAM, name);
      const messages = await consumer.fetch({ expires: 2 * WORKER_ACK_WAIT_MS });
      let count = 0;
      for await (const _ of messages) count += 1;
      await manager.consumers.delete(STREAM, name);
      return count;
    }),
  );
  return taken.reduce((sum, count) => sum + count, 0);
}
