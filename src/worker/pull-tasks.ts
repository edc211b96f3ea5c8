/**
 * Pulls messages with tasks from the queue's consumer, as many as there is room for.
 * Boundary: makes the consumer where it is missing; the stream is the service's to make.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  type JsMsg,
  type NatsConnection,
  nanos,
} from "nats";
import type { WorkerLog } from "./handlers.ts";
import { ACK_WAIT_MS, type Subjects, TASKS_STREAM } from "./protocol.ts";

/** What pulling needs. */
export interface PullDeps {
  readonly connection: NatsConnection;
  readonly subjects: Subjects;
  readonly log: WorkerLog;
  readonly signal: AbortSignal;
  /** Resolves when a task more may be taken. */
  untilRoom(): Promise<void>;
  room(): number;
  /** Takes a message; gives how many tasks it has. */
  take(message: JsMsg): number;
}

const PULL_MS = 20_000;
const PAUSE_MS = 1_000;
const MOST_MESSAGES = 256;

/** Pulls until the signal aborts. Rejects when the connection is closed for good. */
export async function pullTasks(deps: PullDeps): Promise<void> {
  const { signal, log } = deps;
  let consumer: Consumer | undefined;
  const pace: Pace = { tasksAMessage: 1 };
  let reported = "";
  const gone = new AbortController();
  void deps.connection.closed().then(() => gone.abort());
  while (!signal.aborted) {
    if (gone.signal.aborted) throw new Error("the connection to NATS was closed for good");
    try {
      consumer ??= await consumerOf(deps);
      reported = "";
      await pull(deps, consumer, pace, gone.signal);
    } catch (error) {
      consumer = undefined;
      if (gone.signal.aborted) continue;
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== reported && !signal.aborted) {
        log.warn("no tasks can be taken; tries again", { reason });
      }
      reported = reason;
      await delay(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
}

/** What messages held lately, on average: a message of many tasks fills more places than one. */
interface Pace {
  tasksAMessage: number;
}

const NEWEST_WEIGHT = 0.1;

async function pull(
  deps: PullDeps,
  consumer: Consumer,
  pace: Pace,
  gone: AbortSignal,
): Promise<void> {
  const ends = [deps.signal, gone];
  const isOver = () => ends.some(({ aborted }) => aborted);
  await deps.untilRoom();
  if (isOver()) return;
  const wanted = Math.max(Math.floor(deps.room() / pace.tasksAMessage), 1);
  const max_messages = Math.min(wanted, MOST_MESSAGES);
  const messages = await consumer.fetch({ max_messages, expires: PULL_MS });
  const stop = () => messages.stop();
  for (const end of ends) end.addEventListener("abort", stop, { once: true });
  if (isOver()) stop();
  try {
    for await (const message of messages) {
      const tasks = Math.max(deps.take(message), 1);
      pace.tasksAMessage += NEWEST_WEIGHT * (tasks - pace.tasksAMessage);
    }
  } finally {
    for (const end of ends) end.removeEventListener("abort", stop);
  }
}

async function consumerOf({ connection, subjects }: PullDeps): Promise<Consumer> {
  const manager = await connection.jetstreamManager();
  // The same settings in every worker: making one that is there changes nothing.
  await manager.consumers.add(TASKS_STREAM, {
    durable_name: subjects.consumer,
    filter_subject: subjects.tasks,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ACK_WAIT_MS),
    max_deliver: -1,
    max_ack_pending: 10_000,
    deliver_policy: DeliverPolicy.All,
  });
  return connection.jetstream().consumers.get(TASKS_STREAM, subjects.consumer);
}
