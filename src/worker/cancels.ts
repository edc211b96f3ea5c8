/**
 * Which tasks need no result any more: by the service's cancels, and by asking where a cancel may have been missed.
 * Invariant: a task that was queued before the subscription to cancels, or was delivered before, is asked about before it begins.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type DeliveryInfo, type NatsConnection, NatsError } from "nats";
import type { WorkerLog } from "./handlers.ts";
import type { Link } from "./link.ts";
import { QUESTION_IDS, readIds, type Subjects, TASKS_STREAM } from "./protocol.ts";
import type { RunningTasks } from "./running-tasks.ts";

/** What watching cancels needs. */
export interface CancelsDeps {
  readonly connection: NatsConnection;
  readonly subjects: Subjects;
  readonly tasks: RunningTasks;
  readonly link: Link;
  readonly log: WorkerLog;
}

/** Watches cancels. */
export interface Cancels {
  /** Resolves when cancels are taken. */
  watch(): Promise<void>;
  /** Whether a task of a message may have been cancelled without a sign. */
  mustAsk(info: Pick<DeliveryInfo, "deliveryCount" | "streamSequence">): boolean;
  /** Whether a cancel named the task. */
  names(id: string): boolean;
  /** Asks which of these tasks are open: those may begin, the others are dropped. */
  ask(ids: readonly string[]): void;
}

/** Without a reply for so long tasks begin all the same. */
const REPLY_MS = 2_000;
const QUESTION_PAUSE_MS = 250;
const PLACE_PAUSE_MS = 1_000;
const QUESTIONS_AT_MOST = 100;
/** Ids of cancelled tasks that are remembered. */
const NAMED_AT_MOST = 10_000;

/** Makes the watch of one worker. */
export function createCancels(deps: CancelsDeps): Cancels {
  const { connection, subjects, tasks, link, log } = deps;
  // A place in the stream, not a time: the clocks of service, server and worker differ.
  let queuedBefore = Number.POSITIVE_INFINITY;
  /** A cancel may come before its task. */
  let named = new Set<string>();

  let looks = 0;

  /** Until the place is known, each task is asked about. */
  const notePlace = async () => {
    const look = ++looks;
    queuedBefore = Number.POSITIVE_INFINITY;
    while (look === looks && !connection.isClosed()) {
      try {
        await connection.flush();
        const last = await lastOfStream(connection);
        if (look === looks) queuedBefore = last;
        return;
      } catch {
        await delay(PLACE_PAUSE_MS, undefined, { ref: false });
      }
    }
  };
  const ask = (ids: readonly string[]) => {
    for (let at = 0; at < ids.length; at += QUESTION_IDS)
      void askUntilAnswered(deps, ids.slice(at, at + QUESTION_IDS));
  };
  const note = (ids: readonly string[]) => {
    if (named.size + ids.length > NAMED_AT_MOST) {
      // What they named may still be queued: all that is queued now is asked about.
      named = new Set();
      void notePlace();
    }
    for (const id of ids) named.add(id);
    tasks.cancel(ids, "cancelled");
  };
  const askAgain = () => {
    void notePlace();
    ask(tasks.doubt());
  };
  return {
    ask,
    async watch() {
      connection.subscribe(subjects.cancels, {
        callback: (error, message) => {
          if (error === null) note(readIds(message.string(), "tasks") ?? []);
          else log.error("cancels are not received", { reason: error.message });
        },
      });
      link.onUp(askAgain);
      await Promise.race([notePlace(), delay(REPLY_MS, undefined, { ref: false })]);
    },
    names: (id) => named.has(id),
    mustAsk: ({ deliveryCount, streamSequence }) =>
      deliveryCount > 1 || streamSequence <= queuedBefore,
  };
}

async function askUntilAnswered(
  { connection, subjects, tasks }: CancelsDeps,
  ids: readonly string[],
): Promise<void> {
  const patience = setTimeout(() => tasks.release(ids), REPLY_MS);
  for (let questions = 0; questions < QUESTIONS_AT_MOST; questions++) {
    const open = await openOf(connection, subjects.open, ids);
    if (open !== undefined) {
      clearTimeout(patience);
      const still = new Set(open);
      const ended = ids.filter((id) => !still.has(id));
      tasks.release(open);
      return tasks.cancel(ended, "the task needs no result any more");
    }
    if (connection.isClosed()) return clearTimeout(patience);
    // After a restart of NATS the service may be back later than the worker: what has begun can still be aborted.
    await delay(QUESTION_PAUSE_MS);
  }
}

/** Undefined where nothing replies in time. */
async function openOf(
  connection: NatsConnection,
  subject: string,
  ids: readonly string[],
): Promise<string[] | undefined> {
  try {
    const body = JSON.stringify({ ids });
    const reply = await connection.request(subject, body, { timeout: REPLY_MS });
    return readIds(reply.string(), "open");
  } catch {
    return undefined;
  }
}

async function lastOfStream(connection: NatsConnection): Promise<number> {
  try {
    const manager = await connection.jetstreamManager();
    return (await manager.streams.info(TASKS_STREAM)).state.last_seq;
  } catch (error) {
    // A stream that is made later holds later tasks alone.
    if (error instanceof NatsError && error.api_error?.code === 404) return 0;
    throw error;
  }
}
