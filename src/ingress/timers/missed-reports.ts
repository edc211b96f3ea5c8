/**
 * Early reports whose look was lost with a process: a step learned its object's id, and no process was left to look for what
 * had been reported before.
 * Boundary: the look itself is runtime/routing/meet-events.ts; a report that was taken finds its step ended.
 * Invariant: after a start every report is looked at; later those that are young enough for another replica to have died
 * between the commit and the look.
 */
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { type StartedLoop, startLoop } from "../../process/standing-loop.ts";
import type { Processor } from "../../runtime/processor.ts";
import { createMeeting } from "../../runtime/routing/meet-events.ts";
import type { Database } from "../../store/database.ts";
import { listMissedReports } from "../../store/service-reads/early-reports.ts";

/** What the sweep needs. */
export interface ReportSweepDeps {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
}

const EVERY_MS = 20_000;
const YOUNG_SECONDS = 600;
const ANY_AGE_SECONDS = 1e9;
const REPORTS_A_PAGE = 500;

/** Starts with a sweep over everything. */
export function startReportSweep({ database, processor, log }: ReportSweepDeps): StartedLoop {
  const meeting = createMeeting({ database, log, submit: processor.submit });
  let ageSeconds = ANY_AGE_SECONDS;
  const loop = startLoop({
    name: "sweep missed reports",
    everyMs: EVERY_MS,
    log,
    async round(signal) {
      let after: number | undefined = 0;
      while (after !== undefined && !signal.aborted) {
        const page = await listMissedReports(database.read, after, ageSeconds, REPORTS_A_PAGE);
        await reached("sweep.reports.page");
        meeting.meet([], page.missed);
        await meeting.idle();
        after = page.next;
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
