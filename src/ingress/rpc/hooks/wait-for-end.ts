/**
 * Waits for the end of a run that a delivery started.
 * Boundary: the feed that all watchers share (runtime/run-feed.ts); nothing here asks again by itself.
 */
import type { Run } from "../../../engine/values/run.ts";
import type { RunFeed } from "../../../runtime/run-feed.ts";

/** Behind every row: what is waited for is the end, not a row. */
const EVERY_ROW = Number.MAX_SAFE_INTEGER;

/** Whether the run ends within so many ms. Refuses overloaded when too many watch. */
export async function endsWithin(
  feed: RunFeed,
  run: Run,
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const untilMs = performance.now() + withinMs;
  const watch = feed.watch(run);
  try {
    for (;;) {
      if (watch.isOver(EVERY_ROW)) return true;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal.aborted || watch.isStopping) return false;
      await watch.changed(EVERY_ROW, signal, leftMs);
    }
  } finally {
    watch.close();
  }
}
