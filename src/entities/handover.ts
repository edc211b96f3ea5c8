/**
 * The cursor behind changes whose hooks are over: what is saved, and when.
 * Boundary: a store of one cursor. Who calls the hooks is hooks.ts.
 * Invariant: no cursor is saved before the hooks of all changes up to it are over.
 */
import type { CursorStore } from "../client/watches.ts";
import type { Trying } from "./hook-lanes.ts";

/** Where the hooks of a program are. */
export interface Handover {
  /** Where the stream goes on: in this process behind what its hooks have begun. */
  load(): Promise<string | undefined>;
  /** What is still tried of the change whose cursor is saved next. */
  take(trying: readonly Trying[]): void;
  /** Saves the cursor, or sees to it once all before it is over. */
  save(cursor: string): Promise<void>;
  /** Resolves when nothing is saved any more, after the lanes are closed. */
  ended(): Promise<void>;
}

interface Waiting {
  cursor: string;
  readonly over: Promise<unknown>;
}

/** The handover to a store. `onError` is told what fails there, where nobody waits for it. */
export function createHandover(cursors: CursorStore, onError: (error: unknown) => void): Handover {
  let begun: string | undefined;
  let trying: readonly Trying[] = [];
  const queue: Waiting[] = [];
  let saving: Promise<void> | undefined;

  async function saveInOrder(): Promise<void> {
    try {
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        await next.over;
        queue.shift();
        try {
          await cursors.save(next.cursor);
        } catch (error) {
          onError(error);
        }
      }
    } finally {
      // At once: a cursor that comes a moment later has to find that nobody saves.
      saving = undefined;
    }
  }

  return {
    load: async () => begun ?? (await cursors.load()),
    take(tries) {
      trying = tries;
    },
    async save(cursor) {
      const mine = trying;
      const last = queue.at(-1);
      trying = [];
      if (mine.length > 0) {
        const over = Promise.all(mine.map(({ done }) => done));
        // Rejected by the closing, after which nothing is saved.
        over.catch(() => {});
        queue.push({ cursor, over });
        saving ??= saveInOrder();
        saving.catch(() => {});
      } else if (last === undefined) {
        await saving;
        await cursors.save(cursor);
      } else last.cursor = cursor;
      begun = cursor;
    },
    async ended() {
      await saving?.catch(() => {});
    },
  };
}
