/**
 * Gathers messages while a batch is being handled, so that an idle source is handled one by one and
 * a busy one in batches.
 *
 * Boundary: knows nothing of messages but their weight.
 * Invariants:
 * 1. One batch at a time; messages keep their order.
 * 2. What waits is bounded: a caller puts no more than `room` gave.
 */

/** A batcher at work. */
export interface Batcher<Item> {
  /** Waits while it is full; gives how many items it has room for, at least 1. */
  room(): Promise<number>;
  put(item: Item): void;
  /** Resolves when everything that was put is handled. */
  drained(): Promise<void>;
}

/** What createBatcher needs. `work` never rejects. */
export interface BatcherOptions<Item> {
  readonly itemsAtMost: number;
  /** Bytes of a batch, and of what waits; an item that is heavier is a batch alone. */
  readonly bytesAtMost: number;
  bytesOf(item: Item): number;
  work(batch: Item[]): Promise<void>;
}

/** Makes an idle batcher. */
export function createBatcher<Item>(options: BatcherOptions<Item>): Batcher<Item> {
  const { itemsAtMost, bytesAtMost, bytesOf, work } = options;
  const waiting: Item[] = [];
  let waitingBytes = 0;
  /** The heaviest item of the last batch: the next ones may be as heavy. */
  let expectedBytes = 1;
  let batch: Promise<void> = Promise.resolve();
  let working: Promise<void> | undefined;

  function takeBatch(): Item[] {
    let bytes = 0;
    const end = waiting.findIndex((item, at) => {
      bytes += bytesOf(item);
      return at === itemsAtMost || (at > 0 && bytes > bytesAtMost);
    });
    const taken = waiting.splice(0, end < 0 ? waiting.length : end);
    expectedBytes = 1;
    for (const item of taken) {
      waitingBytes -= bytesOf(item);
      expectedBytes = Math.max(expectedBytes, bytesOf(item));
    }
    return taken;
  }

  async function workOff(): Promise<void> {
    while (waiting.length > 0) {
      batch = work(takeBatch());
      await batch;
    }
  }

  return {
    async room() {
      while (waiting.length >= itemsAtMost || waitingBytes >= bytesAtMost) await batch;
      const byBytes = Math.floor((bytesAtMost - waitingBytes) / expectedBytes);
      return Math.max(1, Math.min(itemsAtMost - waiting.length, byBytes));
    },
    put(item) {
      waiting.push(item);
      waitingBytes += bytesOf(item);
      working ??= workOff().finally(() => {
        working = undefined;
      });
    },
    async drained() {
      while (working !== undefined) await working;
    },
  };
}
