/**
 * A task that is repeated until it is stopped, whatever happens to it.
 * Boundary: knows nothing of the task. A round that fails is logged and followed by a longer pause.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "./log.ts";

/** A loop at work. */
export interface StandingLoop {
  /** Ends the pause at once; resolves when the round under way is done. */
  stop(): Promise<void>;
}

/** What a loop needs; `round` gives the pause before the next one in ms. */
export interface LoopOptions {
  readonly name: string;
  readonly log: Log;
  round(signal: AbortSignal): Promise<number>;
}

const PAUSE_AFTER_FAILURE_MS = 1_000;

/** Starts a loop with its first round. */
export function startLoop({ name, log, round }: LoopOptions): StandingLoop {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function turn(): Promise<number> {
    try {
      return await round(signal);
    } catch (error) {
      log.warn("a round of a standing loop failed", { loop: name, error });
      return PAUSE_AFTER_FAILURE_MS;
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await turn();
      await pause(pauseMs, signal);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
