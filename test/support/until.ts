/** Waiting in tests: on a condition, never for a time. */
import { setTimeout as delay } from "node:timers/promises";

const LOOK_EVERY_MS = 10;
const PATIENCE_MS = 15_000;

/** Resolves with the first value that is not undefined; throws when there is none in 15 seconds. */
export async function until<T>(find: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const value = await find();
    if (value !== undefined) return value;
    await delay(LOOK_EVERY_MS);
  }
  throw new Error("what was waited for did not happen");
}
