/**
 * A bounded queue that is worked off in batches: while one batch is under way, the next gathers.
 * Boundary: knows nothing of what its items are.
 * Invariants:
 * N1 One batch at a time; items keep their order, also those that come again.
 * N2 An idle lane begins at once with what has come, so waiting for company costs nothing.
 * N3 A batch that comes again as a whole is followed by a pause that grows, so that no lane spins.
 */
import { setTimeout as delay } from "node:timers/promises";

/** A lane at work. */
export interface Lane<Item> {
  /** Takes an item, or gives false when the lane is full. */
  push(item: Item): boolean;
  /** Resolves when everything that was taken is done. */
  drained(): Promise<void>;
}

/** What createLane needs. `work` never rejects; it gives back the items that are to come again. */
export interface LaneOptions<Item> {
  readonly waitingAtMost: number;
  readonly batchAtMost: number;
  work(batch: Item[]): Promise<Item[]>;
}

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** Makes an idle lane. */
export function createLane<Item>(options: LaneOptions<Item>): Lane<Item> {
  const waiting: Item[] = [];
  let working: Promise<void> | undefined;

  async function workOff(): Promise<void> {
    // Whatever else has come in this turn of the event loop joins the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    let pauseMs = FIRST_PAUSE_MS;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, options.batchAtMost);
      const again = await options.work(batch);
      waiting.unshift(...again);
      if (again.length < batch.length) {
        pauseMs = FIRST_PAUSE_MS;
        continue;
      }
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    // In the same turn as the look at `waiting`: whoever pushes next begins again.
    working = undefined;
  }

  return {
    push(item) {
      if (waiting.length >= options.waitingAtMost) return false;
      waiting.push(item);
      working ??= workOff();
      return true;
    },
    async drained() {
      while (working !== undefined) await working;
    },
  };
}
