/** Waiting in tests: on a condition, never for a time. */
import { setTimeout as delay } from "node:timers/promises";

const LOOK_EVERY_MS = 10;
/** The interval grows with the wait, to spare the machine. */
const LOOKS_AT_MOST = 1_500;
const PATIENCE_MS = 15_000;

/** Resolves with the first value that is not undefined; throws when there is none in 15 seconds, or as many as given. */
export async function until<T>(
  find: () => Promise<T | undefined> | T | undefined,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patienceMs;
  const pauseMs = Math.max(LOOK_EVERY_MS, patienceMs / LOOKS_AT_MOST);
  while (performance.now() < end) {
    const value = await find();
    if (value !== undefined) return value;
    await delay(pauseMs);
  }
  throw new Error("the condition did not become true in time");
}
