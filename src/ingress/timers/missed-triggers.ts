/**
 * Starts the missed triggers that are due, when it is woken.
 * Boundary: what that means is runtime/missed-triggers.ts, and when something is due due-watch.ts.
 * Invariant: a trigger that could not be started is left out for a while, so that it cannot crowd out the others; only a full round
 * without a failure goes on at once.
 */
import type { Log } from "../../process/log.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import { startDueTriggers } from "../../runtime/missed-triggers.ts";
import type { Processor } from "../../runtime/processor.ts";
import type { Database } from "../../store/database.ts";

const DUE_AT_MOST = 100;
const LEFT_OUT_MS = 5_000;
const LEFT_OUT_AT_MOST = 2_000;

/** Makes the loop. */
export function createMissedStarts(deps: {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
}): StandingLoop {
  /** Numbers, and until when by the monotonic clock. */
  const leftOut = new Map<number, number>();
  return createLoop({
    name: "start missed triggers",
    log: deps.log,
    async round() {
      const now = performance.now();
      for (const [seq, untilMs] of leftOut) if (untilMs <= now) leftOut.delete(seq);
      const { due, refused } = await startDueTriggers(deps, DUE_AT_MOST, [...leftOut.keys()]);
      for (const { seq } of refused) {
        if (leftOut.size < LEFT_OUT_AT_MOST) leftOut.set(seq, performance.now() + LEFT_OUT_MS);
      }
      const [first] = refused;
      if (first !== undefined) {
        const { error } = first;
        deps.log.warn("missed triggers could not be started and come again", {
          count: refused.length,
          error,
        });
      }
      return due === DUE_AT_MOST && refused.length === 0;
    },
  });
}
