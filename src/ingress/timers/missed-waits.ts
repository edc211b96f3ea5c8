/**
 * Waits whose look at the kept events was lost with a process: they are looked at again.
 * Boundary: the look itself is runtime/routing/meet-events.ts; a wait that met its event already is not open any more.
 * Invariant: after a start every open wait is looked at; later only those that are young enough for another replica to
 * have died between their commit and their look.
 */
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { type StartedLoop, startLoop } from "../../process/standing-loop.ts";
import type { Processor } from "../../runtime/processor.ts";
import { createMeeting } from "../../runtime/routing/meet-events.ts";
import type { Database } from "../../store/database.ts";
import { FIRST_WAIT, listOpenWaits, type WaitPlace } from "../../store/service-reads/open-waits.ts";

/** What the sweep needs. */
export interface SweepDeps {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
}

const EVERY_MS = 600_000;
/** Longer than the pause between sweeps, so that none slips between two. */
const YOUNG_SECONDS = 1_200;
const ANY_AGE_SECONDS = 1e9;
const WAITS_A_PAGE = 200;

/** Starts with a sweep over everything. */
export function startWaitSweep({ database, processor, log }: SweepDeps): StartedLoop {
  const meeting = createMeeting({ database, log, submit: processor.submit });
  let ageSeconds = ANY_AGE_SECONDS;
  const loop = startLoop({
    name: "sweep missed waits",
    everyMs: EVERY_MS,
    log,
    async round(signal) {
      let place: WaitPlace | undefined = FIRST_WAIT;
      while (place !== undefined && !signal.aborted) {
        const page = await listOpenWaits(database.read, place, ageSeconds, WAITS_A_PAGE);
        await reached("sweep.waits.page");
        meeting.meet(page.waits, []);
        await meeting.idle();
        place = page.next;
      }
      ageSeconds = YOUNG_SECONDS;
      return false;
    },
  });
  return {
    async stop() {
      await Promise.all([loop.stop(), meeting.stop()]);
    },
  };
}
