/**
 * A bounded queue that is worked off in batches: while one batch is under way, the next gathers.
 * Boundary: knows nothing of what its items are.
 * Invariants:
 * N1 One batch at a time; items of a key keep their order, also those that come again.
 * N2 An idle lane begins at once with what has come, so waiting for company costs nothing. Where all that has come may
 *    wait, it gives the rest 8 ms to come. A lane that has begun goes on until nothing waits.
 * N3 A batch that comes again as a whole is followed by a pause that grows, so that no lane spins.
 * N4 Keys take turns: of n keys that wait, each has its share of the next batch, and of the places in a full lane.
 */
import { setTimeout as delay } from "node:timers/promises";
import { TurnQueue } from "../process/turn-queue.ts";

/** A lane at work. */
export interface Lane<Item> {
  /** Takes an item, or gives false when the lane is full and the item's key has its share of it. */
  push(item: Item): boolean;
  /** Resolves when everything that was taken is done. */
  drained(): Promise<void>;
}

/** Who takes turns in a lane. */
interface LaneTurns<Item> {
  /** Whose item it is. All items of one caller about one object have one key. */
  keyOf(item: Item): string;
  /** Called for an item that was taken and left a full lane again, for one of a key with fewer items. */
  refuse(item: Item): void;
}

/** What createLane needs. `work` never rejects; it gives back the items that are to come again. */
export interface LaneOptions<Item> {
  readonly waitingAtMost: number;
  readonly batchAtMost: number;
  /** Unset: all items have one key. */
  readonly turns?: LaneTurns<Item>;
  /** Whether nothing is lost while the item waits for another one; unset: nothing waits. */
  mayWait?(item: Item): boolean;
  work(batch: Item[]): Promise<Item[]>;
}

const COMPANY_WITHIN_MS = 8;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** Makes an idle lane. */
export function createLane<Item>(options: LaneOptions<Item>): Lane<Item> {
  const { turns, waitingAtMost, batchAtMost } = options;
  const keyOf = (item: Item) => turns?.keyOf(item) ?? "";
  const waiting = new TurnQueue<Item>();
  let working: Promise<void> | undefined;
  let company = new Company();

  async function workOff(): Promise<void> {
    // Whatever else has come in this turn of the event loop joins the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    await company.come();
    let pauseMs = FIRST_PAUSE_MS;
    while (waiting.size > 0) {
      const batch = takeSome(waiting, batchAtMost);
      const again = await options.work(batch);
      waiting.unshift(again, keyOf);
      if (again.length < batch.length) {
        pauseMs = FIRST_PAUSE_MS;
        continue;
      }
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    // In the same turn of the event loop as the check of `waiting`: the next push starts a new loop.
    company = new Company();
    working = undefined;
  }

  /** In a full lane a key with less than its share takes the newest place of the key that has the most. */
  function makeRoom(key: string): boolean {
    if (waiting.size < waitingAtMost) return true;
    const own = waiting.sizeOf(key);
    const keys = waiting.keys + (own === 0 ? 1 : 0);
    if (turns === undefined || own + 1 > waitingAtMost / keys) return false;
    const pushedOut = waiting.popLongest();
    if (pushedOut !== undefined) turns.refuse(pushedOut);
    return true;
  }

  return {
    push(item) {
      const key = keyOf(item);
      if (!makeRoom(key)) return false;
      waiting.push(key, item);
      if (options.mayWait?.(item) !== true) company.hurry();
      working ??= workOff();
      return true;
    },
    async drained() {
      while (working !== undefined) await working;
    },
  };
}

function takeSome<Item>(waiting: TurnQueue<Item>, atMost: number): Item[] {
  const taken: Item[] = [];
  while (taken.length < atMost) {
    const item = waiting.shift();
    if (item === undefined) break;
    taken.push(item);
  }
  return taken;
}

/** What an idle lane waits for whose items may all wait. */
class Company {
  #isHere = false;
  #wake = () => {};

  /** Something is there that does not wait. */
  hurry(): void {
    this.#isHere = true;
    this.#wake();
  }

  /** Resolves when something has hurried, and after 8 ms in any case. */
  come(): Promise<void> {
    if (this.#isHere) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, COMPANY_WITHIN_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
