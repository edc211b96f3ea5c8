/**
 * The stream of tasks and its workers: they die, fall silent, answer twice, late, or for an attempt that is over.
 * Boundary: the protocol of workers (docs/worker-protocol.md); what a task comes to is its step's own plan (`parameters.plan`).
 * Invariant: a message is on the stream until a worker that did its tasks acknowledges it, or the stream is lost.
 */
import { NatsError } from "nats";
import { parseTaskId, type TaskPlace } from "../../../src/engine/values/task.ts";
import type { RandomNumbers } from "../random/random-numbers.ts";
import type { EventBus } from "./event-bus.ts";
import type { TaskRules } from "./task-rules.ts";
import type { VirtualClock } from "./virtual-clock.ts";
import type { Witness } from "./witness.ts";
import type { PlannedWorkers } from "./worker-plan.ts";

/** What the stream works with. */
export interface TaskWorld {
  readonly clock: VirtualClock;
  readonly random: RandomNumbers;
  readonly witness: Witness;
  readonly plan: { readonly calmAtMs: number };
}

/** A task as a worker reads it. */
interface ReadTask {
  readonly id: string;
  readonly step_id: string;
  readonly attempt: number;
  readonly parameters: { readonly plan?: string };
}

interface TaskMessage {
  readonly seq: number;
  readonly subject: string;
  readonly tasks: readonly ReadTask[];
}

const TASKS = "workflows.tasks.";
const ACK_WAIT_MS = 1_500;
const LONGEST_WORK_MS = 500;
const SLOW_WORK_MS = 6_000;
const LATEST_RESULT_MS = 3_000;

/** See the file's head. */
export class TaskStream {
  readonly #world: TaskWorld;
  readonly #workers: PlannedWorkers;
  readonly #results: EventBus;
  readonly #rules: TaskRules;
  readonly #messages = new Map<number, TaskMessage>();
  readonly #seqs = new Map<string, number>();
  readonly #sent = new Set<string>();
  readonly #begun = new Set<string>();
  readonly #cancelled = new Set<string>();
  #stream = 1;
  #last = 0;
  #atWork = 0;

  constructor(world: TaskWorld, workers: PlannedWorkers, results: EventBus, rules: TaskRules) {
    this.#world = world;
    this.#workers = workers;
    this.#results = results;
    this.#rules = rules;
    const { lostAtMs } = workers;
    if (lostAtMs !== undefined) world.clock.after(lostAtMs, () => this.#lose());
  }

  /** What is not done: messages, workers at work, results on their way. */
  get open(): number {
    return this.#messages.size + this.#atWork + this.#results.open;
  }

  holds(subject: string): boolean {
    return subject.startsWith(TASKS);
  }

  store(id: string, subject: string, body: Uint8Array) {
    const known = this.#seqs.get(id);
    if (known !== undefined) return { seq: known, duplicate: true as const };
    this.#last += 1;
    const { tasks } = JSON.parse(Buffer.from(body).toString());
    const message: TaskMessage = { seq: this.#last, subject, tasks };
    this.#messages.set(message.seq, message);
    this.#seqs.set(id, message.seq);
    for (const task of message.tasks) {
      this.#world.witness.count(this.#sent.has(task.id) ? "task sent again" : "task sent");
      this.#sent.add(task.id);
    }
    this.#deliverAfter(message, this.#world.random.below(40) / 10);
    return { seq: message.seq };
  }

  info() {
    const first = [...this.#messages.keys()][0] ?? this.#last + 1;
    return {
      config: { name: "WORKFLOWS_TASKS" },
      created: this.#created,
      state: { first_seq: first, last_seq: this.#last },
    };
  }
  get #created(): string {
    return `2026-01-0${this.#stream}T00:00:00Z`;
  }

  /** A message of the stream, as the client gives it. */
  read(seq: number) {
    const message = this.#messages.get(seq);
    if (message === undefined) {
      const api_error = { code: 404, err_code: 10037, description: "no message found" };
      throw Object.assign(new NatsError("no message found", "404"), { api_error });
    }
    return { json: () => ({ tasks: message.tasks }) };
  }

  /** Tells workers that tasks need no result any more. */
  cancel(body: Uint8Array): void {
    const { tasks: ids } = JSON.parse(Buffer.from(body).toString()) as { tasks: string[] };
    for (const id of ids) {
      this.#world.witness.count(this.#begun.has(id) ? "task cancelled" : "cancel before its task");
      this.#cancelled.add(id);
    }
  }

  #lose(): void {
    if (this.#messages.size > 0) this.#world.witness.count("stream lost with tasks");
    this.#messages.clear();
    this.#seqs.clear();
    this.#stream += 1;
    this.#last = 0;
  }

  #deliverAfter(message: TaskMessage, delayMs: number): void {
    this.#world.clock.after(delayMs, () => {
      if (this.#messages.get(message.seq) !== message) return;
      this.#atWork += 1;
      void this.#perform(message).then(() => {
        this.#atWork -= 1;
      });
    });
  }

  async #perform(message: TaskMessage): Promise<void> {
    const { clock, random, witness } = this.#world;
    const worker = `worker-${1 + random.below(this.#workers.count)}`;
    const isSilent = this.#unlucky("silences");
    if (isSilent) {
      witness.count("heartbeat lost");
      this.#deliverAfter(message, ACK_WAIT_MS);
    }
    for (const task of message.tasks) {
      this.#begun.add(task.id);
      await clock.sleep(this.#workMs(task) + (isSilent ? ACK_WAIT_MS : 0));
      // A worker hears of a cancel, or it is deaf to it.
      if (this.#cancelled.has(task.id) && random.chance(50)) continue;
      if (this.#dies(message, "worker died before its result")) return;
      this.#answer(message.subject, worker, task);
      if (this.#dies(message, "worker died after its result")) return;
    }
    if (this.#messages.get(message.seq) === message) this.#messages.delete(message.seq);
  }

  #dies(message: TaskMessage, how: string): boolean {
    if (!this.#unlucky("deaths")) return false;
    this.#world.witness.count(how);
    this.#deliverAfter(message, ACK_WAIT_MS);
    return true;
  }

  #workMs({ parameters: { plan }, attempt }: ReadTask): number {
    const isSlow = plan === "slow once" && attempt === 1;
    return isSlow ? SLOW_WORK_MS : this.#world.random.below(LONGEST_WORK_MS);
  }

  #answer(subject: string, worker: string, task: ReadTask): void {
    const { clock, random, witness } = this.#world;
    const { id, step_id, attempt, parameters } = task;
    const failed = { status: "failed", error: { message: "it broke" }, cost_usd: 0.25 };
    const done = { status: "completed", output: { [step_id]: attempt }, cost_usd: 0.5 };
    const end = parameters.plan === "fail once" && attempt === 1 ? failed : done;
    const body = Buffer.from(JSON.stringify({ worker, results: [{ id, ...end }] }));
    const place = parseTaskId(id) as TaskPlace;
    const isTwice = this.#unlucky("twice");
    if (isTwice) witness.count("result twice");
    for (let copies = isTwice ? 2 : 1; copies > 0; copies -= 1) {
      const content = { subject: subject.replace(TASKS, "workflows.results."), body };
      const lateMs = this.#unlucky("late") ? random.below(LATEST_RESULT_MS) : 0;
      this.#atWork += 1;
      clock.after(lateMs, () => {
        this.#atWork -= 1;
        this.#results.deliver(content, () => this.#rules.judgeAcknowledged(place));
      });
    }
  }

  #unlucky(what: "deaths" | "silences" | "twice" | "late"): boolean {
    const { clock, random, plan } = this.#world;
    return clock.nowMs < plan.calmAtMs && random.below(1000) < this.#workers[what];
  }
}
