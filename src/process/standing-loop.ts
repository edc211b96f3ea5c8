/**
 * A standing loop: one round after another with a jittered pause between, from start to stop.
 * Boundary: knows nothing of what a round does. A round that fails is logged and repeated after a pause that doubles.
 */
import type { Log } from "./log.ts";

/** What a loop is made of. */
export interface LoopOptions {
  /** Names the loop in the log, as what it does: `claim calls`. */
  readonly name: string;
  /** Pause after a round; by chance up to a quarter shorter or longer. Unset: until the loop is woken. */
  readonly everyMs?: number;
  readonly log: Log;
  /**
   * Gives true when there is more to do at once, or for how many ms the loop pauses in place of `everyMs`. A long round ends early
   * once `signal` is aborted.
   */
  round(signal: AbortSignal): Promise<boolean | number>;
}

/** A loop. */
export interface StandingLoop {
  start(): void;
  /** Ends the pause, so that the next round begins at once; during a round, right after it. */
  wake(): void;
  /** The pause ends within so many ms; where a round is under way, the one after it. */
  wakeWithin(ms: number): void;
  /** Waits for the round under way; no other follows. */
  stop(): Promise<void>;
}

/** A loop that is started: it can only be stopped. */
export type StartedLoop = Pick<StandingLoop, "stop">;

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 2_000;

/** Makes a loop that does nothing before `start`. */
export function createLoop(options: LoopOptions): StandingLoop {
  const stopping = new AbortController();
  const { signal } = stopping;
  const pause = new Pause();
  let running: Promise<void> | undefined;
  let woken = false;
  let failures = 0;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      woken = false;
      pause.forget();
      const next = await runOnce();
      // A wake must not turn a failing round into a busy loop.
      const goOn = failures === 0 && (next === true || woken);
      if (!goOn && !signal.aborted) await (failures === 0 ? rest(next) : restToRetry());
    }
  }

  async function runOnce(): Promise<boolean | number> {
    try {
      const next = await options.round(signal);
      failures = 0;
      return next;
    } catch (error) {
      failures += 1;
      options.log.warn("a round failed and is repeated", { round: options.name, failures, error });
      return false;
    }
  }

  function rest(next: boolean | number): Promise<void> {
    const { everyMs } = options;
    if (typeof next === "number") return pause.begin(next);
    return pause.begin(everyMs === undefined ? Number.POSITIVE_INFINITY : scattered(everyMs));
  }

  function restToRetry(): Promise<void> {
    pause.forget();
    return pause.begin(scattered(retryPauseMs(failures)), true);
  }

  return {
    start() {
      running ??= run();
    },
    wake() {
      woken = true;
      if (failures === 0) pause.end();
    },
    wakeWithin(ms) {
      pause.endWithin(ms);
    },
    async stop() {
      stopping.abort();
      pause.end();
      await running;
    },
  };
}

function retryPauseMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
}

function scattered(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}

/** One pause at a time; an end that is asked for before it begins counts for the next one. */
class Pause {
  #endAtMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #resolve: (() => void) | undefined;
  #isFixed = false;

  /** Nothing is asked for. */
  forget(): void {
    this.#endAtMs = Number.POSITIVE_INFINITY;
  }
  /** One that is fixed is not made shorter. */
  begin(ms: number, isFixed = false): Promise<void> {
    return new Promise((resolve) => {
      this.#isFixed = isFixed;
      this.#resolve = resolve;
      this.#endAtMs = Math.min(this.#endAtMs, performance.now() + ms);
      this.#arm();
    });
  }
  endWithin(ms: number): void {
    const atMs = performance.now() + ms;
    if (this.#isFixed || atMs >= this.#endAtMs) return;
    this.#endAtMs = atMs;
    if (this.#resolve !== undefined) this.#arm();
  }
  end(): void {
    clearTimeout(this.#timer);
    this.#isFixed = false;
    this.#resolve?.();
    this.#resolve = undefined;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#endAtMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.end(), Math.max(0, this.#endAtMs - performance.now()));
  }
}

/** Starts a loop with its first round. */
export function startLoop(options: LoopOptions): StartedLoop {
  const loop = createLoop(options);
  loop.start();
  return loop;
}
