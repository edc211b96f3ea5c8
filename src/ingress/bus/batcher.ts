/**
 * Gathers messages while a batch is being handled, so that an idle source is handled one by one and
 * a busy one in batches.
 *
 * Boundary: knows nothing of messages but their weight.
 * Invariants:
 * 1. One batch at a time; messages keep their order.
 * 2. What waits is bounded: `put` waits while it is full.
 */

/** A batcher at work. */
export interface Batcher<Item> {
  /** Takes an item; resolves when there is room for another. */
  put(item: Item): Promise<void>;
  /** Resolves when everything that was put is handled. */
  drained(): Promise<void>;
}

/** What createBatcher needs. `work` never rejects. */
export interface BatcherOptions<Item> {
  readonly itemsAtMost: number;
  /** Bytes of a batch; an item that is heavier is a batch alone. */
  readonly bytesAtMost: number;
  bytesOf(item: Item): number;
  work(batch: Item[]): Promise<void>;
}

/** Makes an idle batcher. */
export function createBatcher<Item>(options: BatcherOptions<Item>): Batcher<Item> {
  const { itemsAtMost, bytesAtMost, bytesOf, work } = options;
  const waiting: Item[] = [];
  let batch: Promise<void> = Promise.resolve();
  let working: Promise<void> | undefined;

  function takeBatch(): Item[] {
    let bytes = 0;
    const end = waiting.findIndex((item, at) => {
      bytes += bytesOf(item);
      return at === itemsAtMost || (at > 0 && bytes > bytesAtMost);
    });
    return waiting.splice(0, end < 0 ? waiting.length : end);
  }

  async function workOff(): Promise<void> {
    while (waiting.length > 0) {
      batch = work(takeBatch());
      await batch;
    }
  }

  return {
    async put(item) {
      waiting.push(item);
      working ??= workOff().finally(() => {
        working = undefined;
      });
      while (waiting.length >= itemsAtMost) await batch;
    },
    async drained() {
      while (working !== undefined) await working;
    },
  };
}
