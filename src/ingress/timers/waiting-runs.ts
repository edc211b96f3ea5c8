/**
 * Begins runs that wait for their turn, when it is woken.
 * Boundary: what that means is runtime/begin-waiting.ts, and whether something waits due-watch.ts.
 * Invariant: after a walk through all keys it rests for some times as long as their reading took, so that many keys without room take
 * a bounded share of the database.
 */
import type { Log } from "../../process/log.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import { beginWaiting } from "../../runtime/begin-waiting.ts";
import { LeftOutRuns } from "../../runtime/left-out-runs.ts";
import type { Processor } from "../../runtime/processor.ts";
import type { Database } from "../../store/database.ts";

/** Of the time that reading the keys took: a fifth of the time is spent on it at most. */
const RESTS = 4;
const LONGEST_REST_MS = 5_000;

/** Makes the loop. */
export function createWaitingRuns(deps: {
  readonly database: Pick<Database, "read">;
  readonly processor: Pick<Processor, "submit">;
  readonly log: Log;
}): StandingLoop {
  const leftOut = new LeftOutRuns();
  let after: Parameters<typeof beginWaiting>[1];
  let walkMs = 0;
  let restsUntilMs = 0;
  return createLoop({
    name: "begin waiting runs",
    log: deps.log,
    async round() {
      const restMs = restsUntilMs - performance.now();
      if (after === undefined && restMs > 0) return Math.ceil(restMs);
      const { next, readMs } = await beginWaiting({ ...deps, leftOut }, after);
      after = next;
      walkMs += readMs;
      if (after !== undefined) return true;
      restsUntilMs = performance.now() + Math.min(LONGEST_REST_MS, walkMs * RESTS);
      walkMs = 0;
      return false;
    },
  });
}
