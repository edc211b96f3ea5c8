/**
 * Begins runs that wait for their turn, when it is woken.
 * Boundary: what that means is runtime/begin-waiting.ts, and whether something waits due-watch.ts.
 */
import type { Log } from "../../process/log.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import { beginWaiting } from "../../runtime/begin-waiting.ts";
import type { Processor } from "../../runtime/processor.ts";
import type { Database } from "../../store/database.ts";

/** Makes the loop. */
export function createWaitingRuns(deps: {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
}): StandingLoop {
  let after: Parameters<typeof beginWaiting>[1];
  return createLoop({
    name: "begin waiting runs",
    log: deps.log,
    async round() {
      const { next } = await beginWaiting(deps, after);
      after = next;
      return after !== undefined;
    },
  });
}
