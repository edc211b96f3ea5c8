/**
 * What is queued for workers: the stream of tasks and its consumers, as JetStream counts them.
 * Boundary: asks; a stream that is not there has nothing.
 */
import type { NatsConnection } from "nats";

/** The stream, and the consumer of each queue. */
export interface TaskQueues {
  /** Messages on the stream. */
  readonly messages: number;
  readonly consumers: readonly {
    readonly name: string;
    /** Messages that were not delivered, and those that were not acknowledged. */
    readonly open: number;
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
      consumers: consumers.map(({ name, num_pending, num_ack_pending, ack_floor }) => ({
        name,
        open: num_pending + num_ack_pending,
        acknowledgedSeq: ack_floor.stream_seq,
      })),
    };
  }
  return { messages: 0, firstSeq: 0, consumers: [] };
}
