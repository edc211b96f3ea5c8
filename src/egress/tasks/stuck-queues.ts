/**
 * Deletes a queue's consumer that delivers nothing although messages and workers wait; its workers make it again.
 * A NATS server that was killed may come to this (seen with 2.9.10): its consumer holds messages as unacknowledged that the stream
 * has no longer, and delivers no new one while it tries these again.
 * Boundary: JetStream's administration: a question for each queue that it is given. Tasks in hand are delivered again, as after any loss of the consumer.
 */
import { createHash } from "node:crypto";
import type { ConsumerInfo, JetStreamManager, NatsConnection } from "nats";
import type { Log } from "../../process/log.ts";
import { type QueuePlace, subjectOf, TASKS_STREAM } from "../../wire/tasks/subjects.ts";
import { isMissing } from "./task-stream.ts";

/** What finding them needs. */
export interface StuckQueuesDeps {
  readonly connection: NatsConnection;
  readonly log: Log;
}

const ANSWER_MS = 2_000;
const NAME_CHARS = 200;

/** The durable consumer that all workers of a queue share (docs/worker-protocol.md). */
export function consumerOf(place: QueuePlace): string {
  const [, , ...tokens] = subjectOf("tasks", place).split(".");
  const name = tokens.join("=");
  if (name.length <= NAME_CHARS) return name;
  return createHash("sha256").update(name).digest("base64url");
}

/** Finds them from one look to the next. */
export class StuckQueues {
  /** Of those that delivered nothing to workers that wait: how far they were, by name. */
  #suspects: ReadonlyMap<string, string> = new Map();

  /** Looks at these queues, and deletes what was stuck at the look before too. Rejects when JetStream does not answer. */
  async look({ connection, log }: StuckQueuesDeps, places: readonly QueuePlace[]): Promise<void> {
    const manager = await connection.jetstreamManager({ checkAPI: false, timeout: ANSWER_MS });
    const suspects = new Map<string, string>();
    for (const { workspaceId, queue } of places) {
      const consumer = await findConsumer(manager, consumerOf({ workspaceId, queue }));
      if (consumer === undefined || consumer.paused === true) continue;
      if (!deliversNothing(consumer)) continue;
      const { name, created, delivered, num_pending: messages } = consumer;
      const standing = `${created}/${delivered.consumer_seq}`;
      if (this.#suspects.get(name) !== standing) {
        suspects.set(name, standing);
        continue;
      }
      if (!(await deleteConsumer(manager, consumer))) continue;
      const facts = { workspaceId, queue, messages };
      log.warn("NATS does not deliver a queue's tasks: its consumer is made again", facts);
    }
    this.#suspects = suspects;
  }
}

/** Undefined: no worker has made it. */
async function findConsumer(
  { consumers }: JetStreamManager,
  name: string,
): Promise<ConsumerInfo | undefined> {
  try {
    return await consumers.info(TASKS_STREAM, name);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** False: another replica did it, and a worker may have made it again. */
async function deleteConsumer(
  manager: JetStreamManager,
  { name, created }: ConsumerInfo,
): Promise<boolean> {
  const now = await findConsumer(manager, name);
  if (now?.created !== created) return false;
  try {
    return await manager.consumers.delete(TASKS_STREAM, name);
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
