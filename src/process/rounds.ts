/**
 * A standing loop: one round after another with a jittered pause between, from start to stop.
 * Boundary: knows nothing of what a round does. A round that fails is logged, and the next one comes later.
 */
import type { Log } from "./log.ts";

/** What a loop is made of. */
export interface RoundsOptions {
  /** Names the loop in the log, as what it does: `claim calls`. */
  readonly name: string;
  /** Pause after a round; by chance up to a quarter shorter or longer. */
  readonly everyMs: number;
  readonly log: Log;
  /** Gives true when there is more to do at once. */
  round(): Promise<boolean>;
}

/** A loop. */
export interface Rounds {
  start(): void;
  /** Ends the pause, so that the next round begins at once; during a round, right after it. */
  wake(): void;
  /** Waits for the round under way; no other follows. */
  stop(): Promise<void>;
}

const LONGEST_PAUSE_MS = 10_000;

/** Makes a loop that does nothing before `start`. */
export function createRounds(options: RoundsOptions): Rounds {
  let running: Promise<void> | undefined;
  let stopping = false;
  let woken = false;
  let endPause: (() => void) | undefined;
  let failures = 0;

  async function run(): Promise<void> {
    while (!stopping) {
      woken = false;
      const more = await runOnce();
      // A wake must not turn a failing round into a busy loop.
      const goOn = failures === 0 && (more || woken);
      if (!goOn) await pause();
    }
  }

  async function runOnce(): Promise<boolean> {
    try {
      const more = await options.round();
      failures = 0;
      return more;
    } catch (error) {
      failures += 1;
      options.log.warn("a round failed and is repeated", { round: options.name, failures, error });
      return false;
    }
  }

  function pause(): Promise<void> {
    if (stopping) return Promise.resolve();
    const longer = Math.min(LONGEST_PAUSE_MS, options.everyMs * 2 ** Math.min(failures, 10));
    const delayMs = Math.max(options.everyMs, longer) * (0.75 + Math.random() / 2);
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        endPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, delayMs);
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
      stopping = true;
      endPause?.();
      await running;
    },
  };
}
