/**
 * Reads source texts, fills templates in and simulates versions in a thread, so that no other call waits for a large one.
 * Boundary: order and bounds; what a text says is read-source.ts, what a version would do is simulate-source.ts.
 * Invariants:
 * 1. One job is done at a time; workspaces take turns, and what waits is bounded. Where it is too much, the workspace with the most
 *    jobs gives one up for one that has fewer.
 * 2. A job that takes too long ends its thread, and is refused; the next job gets a new thread.
 */
import type { Worker } from "node:worker_threads";
import { textSizeBytes } from "../../engine/values/json.ts";
import { MAX_SOURCE_BYTES } from "../../file/source-text.ts";
import { Refusal } from "../../process/refusal.ts";
import { TurnQueue } from "../../process/turn-queue.ts";
import { invalidFields } from "./fields.ts";
import type { ReadSource } from "./read-source.ts";
import type { SimulationAnswer, SimulationJob } from "./simulate-source.ts";
import type { FilledSource, FillJob, SourceAnswer, SourceJob } from "./source-jobs.ts";
import { isHeapFull, READY, startSourceThread } from "./source-thread.ts";

/** Does a job of a workspace. Refuses too_costly (it takes too long) and overloaded (too many wait). */
export interface SourceReader {
  read(workspaceId: string, text: string): Promise<ReadSource>;
  /** Refuses invalid_fields too: the file is larger than a text that is kept. */
  fill(workspaceId: string, template: Omit<FillJob, "kind">): Promise<FilledSource>;
  simulate(workspaceId: string, job: SimulationJob): Promise<SimulationAnswer>;
  stop(): Promise<void>;
}

interface Waiting {
  readonly job: SourceJob;
  readonly sinceMs: number;
  resolve(answer: SourceAnswer): void;
  readonly reject: (error: Error) => void;
}

const WAITING_AT_MOST = 32;
/** Less than the deadline of a call that names none. */
const MS_AT_MOST = 8_000;
/** No call waits longer (interceptor.ts). */
const WAIT_MS_AT_MOST = 60_000;

/** A reader whose thread starts with the first text. */
export function createSourceReader(
  msAtMost = MS_AT_MOST,
  waitMsAtMost = WAIT_MS_AT_MOST,
): SourceReader {
  return new ThreadedReader(msAtMost, waitMsAtMost);
}

class ThreadedReader implements SourceReader {
  readonly #msAtMost: number;
  readonly #waitMsAtMost: number;
  readonly #waiting = new TurnQueue<Waiting>();
  #thread: Worker | undefined;
  #isLoaded = false;
  #reading: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(msAtMost: number, waitMsAtMost: number) {
    this.#msAtMost = msAtMost;
    this.#waitMsAtMost = waitMsAtMost;
  }

  read(workspaceId: string, text: string): Promise<ReadSource> {
    return this.#ask(workspaceId, { kind: "read", text }) as Promise<ReadSource>;
  }

  async fill(workspaceId: string, template: Omit<FillJob, "kind">): Promise<FilledSource> {
    const filled = (await this.#ask(workspaceId, { kind: "fill", ...template })) as FilledSource;
    if (textSizeBytes(filled.sourceText) <= MAX_SOURCE_BYTES) return filled;
    const description = `make a file of more than ${MAX_SOURCE_BYTES} bytes: give shorter ones`;
    throw invalidFields([{ field: "parameters", description }]);
  }

  simulate(workspaceId: string, job: SimulationJob): Promise<SimulationAnswer> {
    return this.#ask(workspaceId, job) as Promise<SimulationAnswer>;
  }

  #ask(workspaceId: string, job: SourceJob): Promise<SourceAnswer> {
    if (this.#isStopped) return Promise.reject(stopped());
    if (this.#waiting.size >= WAITING_AT_MOST) {
      if (!this.#hasShareLeft(workspaceId)) return Promise.reject(tooMany());
      this.#waiting.popLongest()?.reject(tooMany());
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(workspaceId, { job, sinceMs: performance.now(), resolve, reject });
      this.#readNext();
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.reject(stopped());
    }
    await this.#thread?.terminate();
  }

  /** Whether another text is within the equal share of a workspace: then another one has more. */
  #hasShareLeft(workspaceId: string): boolean {
    const own = this.#waiting.sizeOf(workspaceId);
    const workspaces = this.#waiting.keys + (own === 0 ? 1 : 0);
    return (own + 1) * workspaces <= WAITING_AT_MOST;
  }

  #readNext(): void {
    const next = this.#reading === undefined ? this.#nextAwaited() : undefined;
    if (next === undefined) return;
    this.#thread ??= this.#startThread();
    this.#reading = next;
    this.#thread.postMessage(next.job);
    if (this.#isLoaded) this.#beginClock();
  }

  /** The next text whose call may still wait for it. */
  #nextAwaited(): Waiting | undefined {
    for (;;) {
      const next = this.#waiting.shift();
      const waitedMs = performance.now() - (next?.sinceMs ?? Number.POSITIVE_INFINITY);
      if (next === undefined || waitedMs < this.#waitMsAtMost) return next;
      next.reject(tooMany());
    }
  }

  /** The time to load a thread is not the text's. */
  #beginClock(): void {
    const giveUp = () => this.#giveUp(tooLong(this.#reading?.job, this.#msAtMost));
    this.#timer = setTimeout(giveUp, this.#msAtMost);
  }

  #settle(how: (asked: Waiting) => void): void {
    const asked = this.#reading;
    if (asked === undefined) return;
    clearTimeout(this.#timer);
    this.#reading = undefined;
    how(asked);
    this.#readNext();
  }

  #giveUp(error: Error): void {
    void this.#thread?.terminate();
    this.#thread = undefined;
    this.#settle(({ reject }) => reject(error));
  }

  #startThread(): Worker {
    const started = startSourceThread();
    this.#isLoaded = false;
    started.on("message", (message: SourceAnswer | typeof READY) => {
      // One that was given up may still send what it had read.
      if (this.#thread !== started) return;
      if (message !== READY) return this.#settle(({ resolve }) => resolve(message));
      this.#isLoaded = true;
      this.#beginClock();
    });
    const onEnd = (error: Error) => {
      if (this.#thread === started) this.#giveUp(error);
    };
    started.on("error", (error) => onEnd(isHeapFull(error) ? tooLarge(this.#reading?.job) : error));
    started.on("exit", () => onEnd(stopped()));
    return started;
  }
}

function tooMany(): Refusal {
  return new Refusal("overloaded", "too many source texts and simulations wait");
}

function tooLong(job: SourceJob | undefined, ms: number): Refusal {
  const what = job?.kind === "simulate" ? "the simulation takes" : "the source text takes";
  const end = job?.kind === "simulate" ? "" : " to read";
  return new Refusal("too_costly", `${what} more than ${ms / 1_000} s${end}`);
}

function tooLarge(job: SourceJob | undefined): Refusal {
  const what = job?.kind === "simulate" ? "the simulation takes" : "the source text takes";
  const end = job?.kind === "simulate" ? "" : " to read";
  return new Refusal("too_costly", `${what} too much memory${end}`);
}

function stopped(): Refusal {
  return new Refusal("unavailable", "the replica stops");
}
