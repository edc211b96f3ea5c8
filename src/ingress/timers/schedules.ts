/**
 * Asks again and again which schedules are due.
 * Boundary: what firing means is runtime/fire-schedules.ts.
 * Invariant: a schedule that cannot be fired is left out for a while, so that it cannot crowd out the others; the table is
 * asked about every POLL_MS, unless a round was full and nothing was wrong.
 */

import { type StartedLoop, startLoop } from "../../process/standing-loop.ts";
import { type FiringDeps, fireSchedules } from "../../runtime/fire-schedules.ts";

// Slots are on whole seconds; a run that starts half a second later costs less than two more statements a second at rest.
const POLL_MS = 500;
const DUE_AT_MOST = 500;
const LEFT_OUT_MS = 30_000;
const LEFT_OUT_AT_MOST = 2_000;

/** Starts asking. */
export function startSchedules(deps: FiringDeps): StartedLoop {
  /** Definitions, and until when by the monotonic clock. */
  const leftOut = new Map<string, number>();
  return startLoop({
    name: "fire schedules",
    everyMs: POLL_MS,
    log: deps.log,
    async round() {
      const now = performance.now();
      for (const [id, untilMs] of leftOut) if (untilMs <= now) leftOut.delete(id);
      const round = await fireSchedules(deps, DUE_AT_MOST, [...leftOut.keys()]);
      for (const id of round.failed) {
        if (leftOut.size < LEFT_OUT_AT_MOST) leftOut.set(id, performance.now() + LEFT_OUT_MS);
      }
      const { refusals } = round;
      const [error] = refusals;
      if (error !== undefined) {
        deps.log.warn("schedules could not be fired and come again", {
          count: refusals.length,
          error,
        });
      }
      const calm = refusals.length + round.failed.length === 0;
      return round.due === DUE_AT_MOST && calm;
    },
  });
}
