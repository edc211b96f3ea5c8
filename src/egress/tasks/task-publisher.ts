/**
 * Publishes the tasks that a commit gave to workers, and the cancels of those that need no result any more.
 * Boundary: from memory, right after the commit. What is lost here is found by its step's row (lost-tasks.ts).
 * Invariants:
 * 1. A message that was not acknowledged is sent again under its id until it is, its tasks have ended, or the process ends.
 * 2. What waits is bounded; what finds no place is left to the check of lost tasks.
 * 3. The place of a task is written once it has been open for a while: a quick task costs no statement where its result came to
 *    this replica, and a look-up where it came to another one.
 */
import type { NatsConnection } from "nats";
import type { TaskChanges, WorkerTask } from "../../engine/values/task.ts";
import { type Condition, createCondition } from "../../process/condition.ts";
import { reached } from "../../process/crash-points.ts";
import { count } from "../../process/metrics.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import type { WorkersSeen } from "../../runtime/workers-seen.ts";
import type { Database } from "../../store/database.ts";
import {
  findOpenTasks,
  placeTasks,
  type StreamPlace,
  type TaskStep,
} from "../../store/task-places.ts";
import { subjectOf, TASKS_STREAM } from "../../wire/tasks/subjects.ts";
import { cancelBody } from "../../wire/tasks/write-tasks.ts";
import { type AckedPublish, openAckedPublish } from "../publish/acked-publish.ts";
import { SentTasks } from "./sent-tasks.ts";
import { messageOfOpen, messagesOf, type TaskMessage } from "./task-messages.ts";
import { requireTaskStream, type TaskStreamDeps } from "./task-stream.ts";
import { WaitingMessages } from "./waiting-messages.ts";

/** What the publisher works with. */
export interface TaskPublisherDeps extends TaskStreamDeps {
  readonly connection: NatsConnection;
  readonly database: Database;
  readonly workers: WorkersSeen;
  readonly replicaId: string;
  /** RECONCILE_INTERVAL_MS: places are written well within it. */
  readonly intervalMs: number;
}

const UNKNOWN_CONCURRENCY = 8;
const SENT_AT_ONCE = 256;
const RETRY_EVERY_MS = 500;
const STOP_AT_MOST_MS = 2_000;
const LONGEST_PLACE_AFTER_MS = 5_000;
const PLACES_AT_ONCE = 1_000;
const CANCELS_A_MESSAGE = 1_000;

/** The publisher of one replica; it sends what it takes also before `start`. */
export class TaskPublisher {
  readonly #deps: TaskPublisherDeps;
  readonly #bus: AckedPublish;
  readonly #condition: Condition;
  readonly #sent = new SentTasks();
  readonly #waiting = new WaitingMessages();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #loops: readonly StandingLoop[];
  /** When the stream was made, as it was looked at last; "" before, and after it was missing. */
  #created = "";
  #messages = 0;

  constructor(deps: TaskPublisherDeps) {
    const { log, intervalMs } = deps;
    this.#deps = deps;
    this.#bus = openAckedPublish(deps.connection, TASKS_STREAM);
    this.#condition = createCondition("tasks", log);
    const placeAfterMs = Math.min(LONGEST_PLACE_AFTER_MS, intervalMs / 4);
    this.#loops = [
      createLoop({
        name: "publish tasks that wait",
        everyMs: RETRY_EVERY_MS,
        log,
        round: () => this.#sendWaiting(),
      }),
      createLoop({
        name: "write places of tasks",
        everyMs: placeAfterMs / 4,
        log,
        round: () => this.#writePlaces(placeAfterMs),
      }),
    ];
  }

  /** Sends what a commit changed. Never throws, never waits. */
  take({ wanted, cancelled, ended }: TaskChanges): void {
    for (const id of ended) this.#sent.forget(id);
    for (const { id } of cancelled) this.#sent.forget(id);
    const sharedBy = (task: WorkerTask) => this.#sharedBy(task);
    for (const message of messagesOf(wanted, sharedBy, () => this.#mark())) this.#send(message);
    sendCancels(this.#deps.connection, cancelled);
  }
  /** Where a task is on the stream; `sending`: it is not there yet; undefined: this replica does not know. */
  findPlace(taskId: string): StreamPlace | "sending" | undefined {
    return this.#sent.find(taskId);
  }
  /** The stream has nothing of the task where it was. */
  dropPlace(taskId: string): void {
    this.#sent.dropPlace(taskId);
  }
  /** The stream was looked at: what is published from here on is on this one. */
  noteStream(created: string): void {
    this.#created = created;
  }
  start(): void {
    for (const loop of this.#loops) loop.start();
  }
  /** Waits for what is under way, 2 s at most. */
  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    const endAtMs = performance.now() + STOP_AT_MOST_MS;
    while (this.#underWay.size > 0 && performance.now() < endAtMs) {
      await Promise.all(this.#underWay.values());
    }
    this.#bus.stop();
    try {
      while (await this.#writePlaces(0));
    } catch (error) {
      const { log } = this.#deps;
      log.warn("places of tasks are not written; tasks may be published twice", { error });
    }
  }

  /** No message is more than one worker can do at once. */
  #sharedBy(task: WorkerTask): number {
    const seen = this.#deps.workers.of(task).map(({ concurrency }) => concurrency);
    return seen.length === 0 ? UNKNOWN_CONCURRENCY : Math.min(...seen);
  }
  #mark(): string {
    this.#messages += 1;
    return `${this.#deps.replicaId}-${this.#messages}`;
  }

  #send(message: TaskMessage): void {
    this.#sent.begin(message);
    const { id } = message;
    const work = this.#sendOnce(message).finally(() => {
      // A return that is delivered twice is sent twice under one id.
      if (this.#underWay.get(id) === work) this.#underWay.delete(id);
    });
    this.#underWay.set(id, work);
  }
  async #sendOnce(message: TaskMessage): Promise<void> {
    try {
      await reached("tasks.sending");
      const note = (seq: number) => this.#sent.note(message, { created: this.#created, seq });
      const outcome = await this.#bus.publish(message, note);
      await reached("tasks.sent");
      if (outcome === "stored") {
        count("workflows_tasks_sent_total", {}, message.tasks.length);
        this.#condition.be(undefined);
        return;
      }
      if (outcome === "no_stream") this.#created = "";
      this.#condition.be(
        outcome === "too_large" ? tooLarge(message) : this.#bus.refusal || "no NATS",
      );
      if (outcome === "too_large") this.#sent.giveUp(message);
      else this.#wait(message);
    } catch (error) {
      this.#deps.log.warn("tasks are sent again", { error });
      this.#wait(message);
    }
  }
  #wait(message: TaskMessage): void {
    if (!this.#waiting.add(message)) this.#sent.giveUp(message);
  }

  async #sendWaiting(): Promise<boolean> {
    if (!this.#bus.connected) return false;
    if (this.#created === "") this.#created = (await requireTaskStream(this.#deps)).created;
    const messages = this.#waiting.take(SENT_AT_ONCE);
    for (const message of await this.#openOf(messages)) this.#send(message);
    await Promise.all(messages.map(({ id }) => this.#underWay.get(id)));
    return messages.length > 0 && !messages.some((message) => this.#waiting.has(message));
  }
  /** Of messages that waited: what is wanted still. Another replica may have ended tasks of them meanwhile. */
  async #openOf(messages: readonly TaskMessage[]): Promise<TaskMessage[]> {
    const isWanted = (message: TaskMessage) => this.#sent.isWanted(message);
    const wanted = messages.filter(isWanted);
    try {
      const isOpen = await readOpen(this.#deps.database, wanted);
      for (const message of wanted) {
        this.#sent.giveUp({ ...message, tasks: message.tasks.filter((task) => !isOpen(task)) });
      }
      return wanted.filter(isWanted).map((message) => messageOfOpen(message, isOpen));
    } catch (error) {
      for (const message of wanted) this.#wait(message);
      throw error;
    }
  }

  async #writePlaces(olderThanMs: number): Promise<boolean> {
    const old = this.#sent.old(olderThanMs, PLACES_AT_ONCE);
    if (old.length === 0) return false;
    const tasks = old.map(([, task]) => task);
    await placeTasks(this.#deps.database, tasks);
    await reached("tasks.placed");
    this.#sent.dropOld(old);
    return old.length === PLACES_AT_ONCE;
  }
}

/** Which of the messages' tasks are open, by the database. */
async function readOpen(
  { read }: Pick<Database, "read">,
  messages: readonly TaskMessage[],
): Promise<(task: WorkerTask) => boolean> {
  const runIds = new Set(messages.flatMap(({ tasks }) => tasks.map(({ runId }) => runId)));
  if (runIds.size === 0) return () => false;
  const keyOf = ({ runId, stepIndex, attempt }: TaskStep) => `${runId}/${stepIndex}/${attempt}`;
  const open = new Set((await findOpenTasks(read, [...runIds])).map(keyOf));
  return (task) => open.has(keyOf(task));
}

function tooLarge({ tasks: [first] }: TaskMessage): string {
  return `the server takes no message as large as task ${first?.id} (max_payload)`;
}

/** Tells workers at once. A cancel that is lost costs a task done in vain. */
function sendCancels(connection: NatsConnection, cancelled: TaskChanges["cancelled"]): void {
  if (cancelled.length === 0 || connection.isClosed()) return;
  const bySubject = new Map<string, string[]>();
  for (const name of cancelled) {
    const subject = subjectOf("cancels", name);
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), name.id]);
  }
  for (const [subject, ids] of bySubject) {
    for (let from = 0; from < ids.length; from += CANCELS_A_MESSAGE) {
      const body = cancelBody(ids.slice(from, from + CANCELS_A_MESSAGE));
      connection.publish(subject, Buffer.from(body));
    }
  }
}
