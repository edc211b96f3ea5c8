/**
 * Fires the schedules that are due, when it is woken.
 * Boundary: what firing means is runtime/fire-schedules.ts, and when something is due due-watch.ts.
 * Invariant: a schedule that cannot be fired is left out for a while, so that it cannot crowd out the others; only a full round without
 * a failure goes on at once.
 */

import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import { type FiringDeps, fireSchedules } from "../../runtime/fire-schedules.ts";
import { fireWorkflowSchedules } from "../../runtime/fire-workflow-schedules.ts";

const DUE_AT_MOST = 500;
const LEFT_OUT_MS = 30_000;
const LEFT_OUT_AT_MOST = 2_000;

/** Makes the loop of the triggers of versions. */
export function createSchedules(deps: FiringDeps): StandingLoop {
  return createFiring(deps, "fire schedules", fireSchedules);
}

/** Makes the loop of the other schedules. */
export function createWorkflowSchedules(deps: FiringDeps): StandingLoop {
  return createFiring(deps, "fire schedules of workflows", fireWorkflowSchedules);
}

function createFiring(deps: FiringDeps, name: string, fire: typeof fireSchedules): StandingLoop {
  /** Ids, and until when by the monotonic clock. */
  const leftOut = new Map<string, number>();
  return createLoop({
    name,
    log: deps.log,
    async round() {
      const now = performance.now();
      for (const [id, untilMs] of leftOut) if (untilMs <= now) leftOut.delete(id);
      const round = await fire(deps, DUE_AT_MOST, [...leftOut.keys()]);
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
