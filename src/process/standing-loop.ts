/**
 * A standing loop: one round after another with a jittered pause between, from start to stop.
 * Boundary: knows nothing of what a round does. A round that fails is logged and repeated after a pause that doubles.
 */
import type { Log } from "./log.ts";

/** What a loop is made of. */
export interface LoopOptions {
  /** Names the loop in the log, as what it does: `claim calls`. */
  readonly name: string;
  /** Pause after a round; by chance up to a quarter shorter or longer. */
  readonly everyMs: number;
  readonly log: Log;
  /** Gives true when there is more to do at once. A long round ends early once `signal` is aborted. */
  round(signal: AbortSignal): Promise<boolean>;
}

/** A loop. */
export interface StandingLoop {
  start(): void;
  /** Ends the pause, so that the next round begins at once; during a round, right after it. */
  wake(): void;
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
  let running: Promise<void> | undefined;
  let woken = false;
  let endPause: (() => void) | undefined;
  let failures = 0;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      woken = false;
      const more = await runOnce();
      // A wake must not turn a failing round into a busy loop.
      const goOn = failures === 0 && (more || woken);
      if (!goOn) await pause();
    }
  }

  async function runOnce(): Promise<boolean> {
    try {
      const more = await options.round(signal);
      failures = 0;
      return more;
    } catch (error) {
      failures += 1;
      options.log.warn("a round failed and is repeated", { round: options.name, failures, error });
      return false;
    }
  }

  function pause(): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
    const pauseMs = failures === 0 ? options.everyMs : retryMs;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        endPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, pauseMs * (0.75 + Math.random() / 2));
      endPause = end;
    });
  }

  return {
    start() {
      running ??= run();
    },
    wake() {
      woken = true;
      if (failures === 0) endPause?.();
    },
    async stop() {
      stopping.abort();
      endPause?.();
      await running;
    },
  };
}

/** Starts a loop with its first round. */
export function startLoop(options: LoopOptions): StartedLoop {
  const loop = createLoop(options);
  loop.start();
  return loop;
}
