/**
 * Batches whose events are all acknowledged: they are marked a moment later, many in one commit.
 * Boundary: in memory. What is forgotten here before it is marked is sent again, under the same ids.
 * Invariants:
 * 1. A mark is for what the stream has: nothing is marked once the connection or the lease has changed since it was sent.
 * 2. While the stream is looked at nothing is being marked (`settle`): what it lost is found by the marks.
 */
import type { Log } from "../../process/log.ts";
import { createLoop } from "../../process/standing-loop.ts";
import type { SentBatch } from "../../store/mark-published.ts";

/** What it needs. */
export interface SentBatchesDeps {
  readonly log: Log;
  /** Whether what was sent lately may be marked. */
  mayMark(): boolean;
  /** Marks these batches in one commit. */
  mark(batches: readonly SentBatch[]): Promise<void>;
  /** Called when what was sent is forgotten before it is marked. */
  onForgotten(): void;
}

/** See the file's head. */
export interface SentBatches {
  add(batches: readonly SentBatch[]): void;
  /** Those that were sent and are not known to be marked, by id. */
  ids(): ReadonlySet<number>;
  has(id: number): boolean;
  /** Marks all of them now. Rejects with the error of the database: they are sent again. */
  mark(): Promise<void>;
  /** Forgets all; resolves when nothing is being marked. */
  settle(): Promise<void>;
  start(): void;
  /** Marks what is left. */
  stop(): Promise<void>;
}

/** A run alone makes a batch every few milliseconds. */
const MARK_AFTER_MS = 100;
/** So many are marked at once. */
const MARK_FROM = 256;
const LOOK_EVERY_MS = 1_000;

/** Makes it with nothing sent. */
export function createSentBatches(deps: SentBatchesDeps): SentBatches {
  const { log, mayMark, mark, onForgotten } = deps;
  const sent = new Map<number, SentBatch>();
  let marking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** One at a time. */
  function markNext(): Promise<void> {
    marking = (marking ?? Promise.resolve()).catch(() => {}).then(markAll);
    return marking;
  }

  const forget = () => {
    sent.clear();
    onForgotten();
  };

  async function markAll(): Promise<void> {
    if (!mayMark()) forget();
    const batches = [...sent.values()];
    if (batches.length === 0) return;
    try {
      await mark(batches);
    } finally {
      for (const { id } of batches) sent.delete(id);
    }
  }

  const loop = createLoop({
    name: "mark published events",
    everyMs: LOOK_EVERY_MS,
    log,
    round: () => markNext().then(() => false),
  });

  return {
    add(batches) {
      for (const batch of batches) sent.set(batch.id, batch);
      if (sent.size >= MARK_FROM) loop.wake();
      timer ??= setTimeout(() => {
        timer = undefined;
        loop.wake();
      }, MARK_AFTER_MS);
    },
    ids: () => new Set(sent.keys()),
    has: (id) => sent.has(id),
    mark: markNext,
    async settle() {
      forget();
      await marking?.catch(() => {});
    },
    start: () => loop.start(),
    async stop() {
      clearTimeout(timer);
      await loop.stop();
      await markNext();
    },
  };
}
