/**
 * The tasks of a worker from their message to its acknowledgement: which wait, which are under way, which are given back.
 * Boundary: knows no connection. Messages come from pull-tasks.ts, results go to publish-results.ts.
 * Invariants:
 * R1 At most `concurrency` tasks are under way, and at most `rate` begin in a second.
 * R2 A message is acknowledged when each of its tasks is answered, given back, or needs no result. No message is delivered again
 *    for one task of it: its others may be with other workers by then.
 */
import { BeginPace } from "./begin-pace.ts";
import type { WorkerLog } from "./handlers.ts";
import type { Held, HeldMessage, InHand } from "./in-hand.ts";
import { type PerformDeps, perform } from "./perform.ts";
import { type ReadTasks, SPOILT, type Task, type TaskResult } from "./protocol.ts";
import type { Results } from "./publish-results.ts";
import { afterSignal, timeoutOf } from "./task-signal.ts";

/** What running tasks needs. */
export interface RunningDeps extends Pick<PerformDeps, "handlers"> {
  readonly log: WorkerLog;
  readonly results: Results;
  readonly concurrency: number;
  /** Tasks that may begin in a second; Infinity for no limit. */
  readonly rate: number;
}

/** A task that has waited for so long is given back. */
const WAIT_MS = 3_000;
/** Results that the stream has not acknowledged, before no task is taken any more. */
const UNSTORED_AT_MOST = 1_000;
/** Tasks that wait; more are given back at once. */
const WAITING_AT_MOST = 1_000;

/** Holds the tasks of one worker. */
export class RunningTasks {
  readonly #deps: RunningDeps;
  readonly #inHand = new Map<string, InHand>();
  readonly #held = new Set<Held>();
  #waiting: InHand[] = [];
  #running = 0;
  #stopped = false;
  /** Tasks that are not completed are left to other workers. */
  #leaving = false;
  readonly #pace: BeginPace;
  #beginTimer: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];
  #room: (() => void)[] = [];

  constructor(deps: RunningDeps) {
    this.#deps = deps;
    this.#pace = new BeginPace(deps.rate);
  }

  /** Tasks under way. */
  get running(): number {
    return this.#running;
  }

  /** Ids of tasks that have begun, with those whose results are not stored yet; `atMost` of them. */
  begun(atMost: number): string[] {
    const begun = [...this.#inHand.values()].filter((each) => !this.#waiting.includes(each));
    return begun.slice(0, atMost).map(({ task }) => task.id);
  }

  /** How many more tasks may be taken: no more than begin within a second, and few whose results are not stored yet. */
  get room(): number {
    if (this.#stopped) return 0;
    const { concurrency, rate } = this.#deps;
    const places = Math.min(concurrency - this.#running, Math.ceil(rate)) - this.#waiting.length;
    return Math.min(places, concurrency + UNSTORED_AT_MOST - this.#inHand.size);
  }

  /** Resolves when a task more may be taken, or the worker stops. */
  async untilRoom(): Promise<void> {
    while (this.room <= 0 && !this.#stopped) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
  }

  /**
   * Takes a message with tasks, and with ids of those that cannot be read: they fail. Tasks that are to be asked about wait for
   * `release` or `cancel`; their ids are returned.
   */
  take(
    message: HeldMessage,
    { tasks, spoilt }: Pick<ReadTasks, "tasks" | "spoilt">,
    mustAsk: boolean,
  ): string[] {
    const distinct = new Map(tasks.map((task) => [task.id, task]));
    const held: Held = { message, left: distinct.size + spoilt.length };
    this.#held.add(held);
    if (held.left === 0) this.#settle(held, 0);
    for (const id of spoilt) this.#give({ id, ...SPOILT }, () => this.#settle(held, 1));
    const asked: string[] = [];
    for (const task of distinct.values()) {
      const known = this.#inHand.get(task.id);
      if (known !== undefined) known.messages.add(held);
      else if (this.#waiting.length >= WAITING_AT_MOST) this.#giveBack(task.id, [held]);
      else if (this.#add(task, held, mustAsk).state === "asked") asked.push(task.id);
    }
    this.#begin();
    return asked;
  }

  #add(task: Task, held: Held, mustAsk: boolean): InHand {
    const state = mustAsk ? "asked" : "waiting";
    const inHand: InHand = {
      task,
      abort: new AbortController(),
      messages: new Set([held]),
      waitsSinceMs: performance.now(),
      state,
    };
    this.#inHand.set(task.id, inHand);
    this.#waiting.push(inHand);
    return inHand;
  }

  /** Lets tasks begin that were asked about. */
  release(ids: readonly string[]): void {
    for (const id of ids) {
      const inHand = this.#inHand.get(id);
      if (inHand?.state !== "asked") continue;
      inHand.state = "waiting";
      inHand.waitsSinceMs = performance.now();
    }
    this.#begin();
  }

  /** Tasks that need no result: those that wait are dropped, those under way are aborted. */
  cancel(ids: readonly string[], reason: string): void {
    for (const id of ids) {
      const inHand = this.#inHand.get(id);
      if (inHand === undefined) continue;
      if (inHand.state === "running") inHand.abort.abort(new Error(reason));
      else if (inHand.state !== "answered") this.#drop(inHand);
    }
    this.#begin();
  }

  /** A cancel may have been missed: what has not begun waits for `release`. Returns the ids of all that has no result. */
  doubt(): string[] {
    for (const inHand of this.#waiting) inHand.state = "asked";
    const open = [...this.#inHand.values()].filter(({ state }) => state !== "answered");
    return open.map(({ task }) => task.id);
  }

  /** Says that all messages are held, and gives back tasks that have waited for so long that another worker may be free. */
  beat(): void {
    for (const { message } of this.#held) message.working();
    const since = performance.now() - WAIT_MS - 1_000 / this.#deps.rate;
    const isLong = ({ state, waitsSinceMs }: InHand) => state === "waiting" && waitsSinceMs < since;
    for (const inHand of this.#waiting.filter(isLong)) {
      this.#waiting.splice(this.#waiting.indexOf(inHand), 1);
      this.#giveBackHeld(inHand);
    }
  }

  /** There is no room any more. */
  close(): void {
    this.#stopped = true;
    for (const wake of this.#room.splice(0)) wake();
  }

  /** Gives back what has not begun, and resolves when the rest has ended. */
  async drain(): Promise<void> {
    this.close();
    clearTimeout(this.#beginTimer);
    for (const inHand of this.#waiting) this.#giveBackHeld(inHand);
    this.#waiting = [];
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  get #isIdle(): boolean {
    return this.#inHand.size === 0 && this.#held.size === 0;
  }

  /** Aborts what is under way, and gives back what then fails or does not stop. Nothing begins any more. */
  abort(reason: string): void {
    this.#leaving = true;
    clearTimeout(this.#beginTimer);
    this.#waiting = [];
    for (const { abort, state } of this.#inHand.values()) {
      if (state === "running") abort.abort(new Error(reason));
    }
  }

  /** Lets the server deliver again what is still held. */
  abandon(): void {
    for (const { message } of this.#held) message.nak();
    this.#held.clear();
  }

  #giveBack(id: string, messages: Iterable<Held>): void {
    void this.#deps.results.giveBack(id).then(() => {
      for (const held of messages) this.#settle(held, 1);
    });
  }

  /** It is forgotten at once: the task may come again before its return is acknowledged. */
  #giveBackHeld({ task, messages }: InHand): void {
    this.#inHand.delete(task.id);
    this.#giveBack(task.id, messages);
  }

  #drop(inHand: InHand): void {
    this.#waiting = this.#waiting.filter((each) => each !== inHand);
    this.#end(inHand);
  }

  #begin(): void {
    for (let at = 0; at < this.#waiting.length && this.#running < this.#deps.concurrency; ) {
      const inHand = this.#waiting[at];
      if (inHand?.state !== "waiting") at += 1;
      else if (!this.#mayBegin()) return;
      else {
        this.#waiting.splice(at, 1);
        void this.#run(inHand);
      }
    }
    this.#wake();
  }

  #mayBegin(): boolean {
    const waitMs = this.#pace.take();
    if (waitMs === 0) return true;
    clearTimeout(this.#beginTimer);
    this.#beginTimer = setTimeout(() => this.#begin(), waitMs);
    return false;
  }

  async #run(inHand: InHand): Promise<void> {
    const { handlers, log } = this.#deps;
    const { task, abort } = inHand;
    inHand.state = "running";
    this.#running += 1;
    const timer = timeoutOf(task, abort);
    const deps = { handlers, log, signal: abort.signal, beat: () => this.#beatOf(inHand) };
    const result = await Promise.race([perform(deps, task), afterSignal(abort.signal)]);
    clearTimeout(timer);
    this.#running -= 1;
    inHand.state = "answered";
    // After its signal, too: the service ignores what it no longer waits for.
    // No attempt is used: another worker does the task.
    if (this.#leaving && mayGoElsewhere(result)) this.#giveBackHeld(inHand);
    else if (result === undefined) this.#end(inHand);
    else this.#give(result, () => this.#end(inHand));
    this.#begin();
    if (result === undefined) {
      log.error("a handler did not stop, and goes on without its place", { id: task.id });
    } else if (result.status === "failed" && !abort.signal.aborted) {
      log.warn("a task failed", { id: task.id, error: result.error.message });
    }
  }

  #give(result: TaskResult, stored: () => void): void {
    void this.#deps.results.give(result).then(stored);
  }

  #beatOf({ messages }: InHand): void {
    for (const { message } of messages) message.working();
  }

  #end(inHand: InHand): void {
    this.#inHand.delete(inHand.task.id);
    for (const held of inHand.messages) this.#settle(held, 1);
    this.#wake();
  }

  #wake(): void {
    if (this.#isIdle) for (const wake of this.#idle.splice(0)) wake();
    if (this.room > 0) for (const wake of this.#room.splice(0)) wake();
  }

  #settle(held: Held, tasks: number): void {
    held.left -= tasks;
    if (held.left > 0 || !this.#held.delete(held)) return;
    held.message.ack();
    this.#wake();
  }
}

/** Whether a task that was aborted because its worker stops has no result of its own. */
function mayGoElsewhere(result: TaskResult | undefined): boolean {
  if (result?.status !== "failed") return result === undefined;
  return result.error.retryable !== false && result.error.retry_after_ms === undefined;
}
