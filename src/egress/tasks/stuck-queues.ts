/**
 * Deletes a queue's consumer that delivers nothing although messages and workers wait; its workers make it again.
 * A NATS server that was killed may come to this (seen with 2.9.10): its consumer holds messages as unacknowledged that the stream
 * has no longer, and delivers no new one while it tries these again.
 * Boundary: JetStream's administration. Tasks in hand are delivered again, as after any loss of the consumer.
 */
import type { ConsumerInfo, JetStreamManager, NatsConnection } from "nats";
import type { Log } from "../../process/log.ts";
import { placeOfSubject, TASKS_STREAM } from "../../wire/tasks/subjects.ts";
import { isMissing } from "./task-stream.ts";

/** What finding them needs. */
export interface StuckQueuesDeps {
  readonly connection: NatsConnection;
  readonly log: Log;
}

const ANSWER_MS = 2_000;

/** Finds them from one look to the next. */
export class StuckQueues {
  /** Of those that delivered nothing to workers that wait: how far they were, by name. */
  #suspects: ReadonlyMap<string, string> = new Map();

  /** Looks, and deletes what was stuck at the look before too. Rejects when JetStream does not answer. */
  async look({ connection, log }: StuckQueuesDeps): Promise<void> {
    const manager = await connection.jetstreamManager({ checkAPI: false, timeout: ANSWER_MS });
    const suspects = new Map<string, string>();
    for await (const consumer of manager.consumers.list(TASKS_STREAM)) {
      if (consumer.paused === true || !deliversNothing(consumer)) continue;
      const { name, created, delivered, config, num_pending: messages } = consumer;
      const standing = `${created}/${delivered.consumer_seq}`;
      if (this.#suspects.get(name) !== standing) {
        suspects.set(name, standing);
        continue;
      }
      const place = placeOfSubject(config.filter_subject ?? "");
      if (!(await deleteConsumer(manager, consumer))) continue;
      log.warn("NATS does not deliver a queue's tasks: its consumer is made again", {
        ...place,
        messages,
      });
    }
    this.#suspects = suspects;
  }
}

/** False: another replica did it, and a worker may have made it again. */
async function deleteConsumer(
  { consumers }: JetStreamManager,
  { name, created }: ConsumerInfo,
): Promise<boolean> {
  try {
    const now = await consumers.info(TASKS_STREAM, name);
    return now.created === created && (await consumers.delete(TASKS_STREAM, name));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function deliversNothing(consumer: ConsumerInfo): boolean {
  const { num_pending, num_waiting, num_ack_pending, config } = consumer;
  const isFull = num_ack_pending >= (config.max_ack_pending ?? Number.POSITIVE_INFINITY);
  return num_pending > 0 && num_waiting > 0 && !isFull;
}
