/**
 * Gathers messages into batches: what comes in one turn of the event loop, and what comes while a batch holds up the next one. So an
 * idle source is handled one by one and a busy one in batches.
 *
 * Boundary: knows nothing of messages but their weight.
 * Invariants:
 * 1. Batches begin one after another, in the order of their messages. The next one begins when the last one says so, at its
 *    end at the latest.
 * 2. What waits is bounded: a caller puts no more than `room` gave. All that is in hand is bounded as one batch is.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

/** A batcher at work. */
export interface Batcher<Item> {
  /** Waits while it is full; gives how many items it has room for, at least 1. */
  room(): Promise<number>;
  put(item: Item): void;
  /** Resolves when everything that was put is handled. */
  drained(): Promise<void>;
}

/** What createBatcher needs. */
export interface BatcherOptions<Item> {
  readonly itemsAtMost: number;
  /** Bytes of what is in hand, and of what waits; an item that is heavier is in hand alone. */
  readonly bytesAtMost: number;
  bytesOf(item: Item): number;
  /** Resolves when the batch is handled; never rejects. `next` lets the next batch begin before. */
  work(batch: Item[], next: () => void): Promise<void>;
}

/** Makes an idle batcher. */
export function createBatcher<Item>(options: BatcherOptions<Item>): Batcher<Item> {
  const { itemsAtMost, bytesAtMost, bytesOf } = options;
  const waiting: Item[] = [];
  let waitingBytes = 0;
  const inHand = new InHand(options);
  /** The heaviest item of the last batch: the next ones may be as heavy. */
  let expectedBytes = 1;
  /** Resolves when more may be taken of what waits. */
  let turn: Promise<void> = Promise.resolve();
  let working: Promise<void> | undefined;

  function takeBatch(): Item[] {
    const taken = waiting.splice(0, inHand.roomFor(waiting));
    for (const item of taken) waitingBytes -= bytesOf(item);
    if (taken.length > 0) expectedBytes = Math.max(1, ...taken.map(bytesOf));
    return taken;
  }

  async function workOff(): Promise<void> {
    turn = nextTurn();
    await turn;
    while (waiting.length > 0) {
      const batch = takeBatch();
      turn = batch.length > 0 ? inHand.begin(batch) : inHand.someEnd();
      await turn;
    }
    // In the same turn as the check of `waiting`: the next item starts a new loop.
    working = undefined;
  }

  return {
    async room() {
      while (waiting.length >= itemsAtMost || waitingBytes >= bytesAtMost) await turn;
      const byBytes = Math.floor((bytesAtMost - waitingBytes) / expectedBytes);
      return Math.max(1, Math.min(itemsAtMost - waiting.length, byBytes));
    },
    put(item) {
      waiting.push(item);
      waitingBytes += bytesOf(item);
      working ??= workOff();
    },
    async drained() {
      while (working !== undefined || !inHand.isEmpty) await (working ?? inHand.someEnd());
    },
  };
}

/** Batches that have begun and are not handled yet. */
class InHand<Item> {
  readonly #options: BatcherOptions<Item>;
  readonly #batches = new Set<Promise<void>>();
  #items = 0;
  #bytes = 0;

  constructor(options: BatcherOptions<Item>) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#batches.size === 0;
  }

  /** How many of these items, from the first on, may be taken in hand; one where nothing is. */
  roomFor(waiting: readonly Item[]): number {
    const { itemsAtMost, bytesAtMost, bytesOf } = this.#options;
    let [items, bytes] = [this.#items, this.#bytes];
    const end = waiting.findIndex((item) => {
      bytes += bytesOf(item);
      items += 1;
      return items > itemsAtMost || (items > 1 && bytes > bytesAtMost);
    });
    return end < 0 ? waiting.length : end;
  }

  /** Resolves when the next batch may begin. */
  begin(batch: Item[]): Promise<void> {
    const { bytesOf, work } = this.#options;
    const bytes = batch.reduce((sum, item) => sum + bytesOf(item), 0);
    this.#items += batch.length;
    this.#bytes += bytes;
    return new Promise((next) => {
      const handled = work(batch, next).then(() => {
        this.#items -= batch.length;
        this.#bytes -= bytes;
        this.#batches.delete(handled);
        next();
      });
      this.#batches.add(handled);
    });
  }

  /** Resolves when a batch is handled. */
  someEnd(): Promise<void> {
    return Promise.race(this.#batches);
  }
}
