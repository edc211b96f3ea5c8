/**
 * Runs whose pending work nothing went on with: the replica that left it was stopped, or its lane was full.
 * Boundary: finds them; what going on means is the engine's. A run that goes on is not found, for each of its transitions
 * moves the time on.
 */
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import type { Processor } from "../../runtime/processor.ts";
import type { Database } from "../../store/database.ts";
import { findUnfinished } from "../../store/service-reads/unfinished-runs.ts";

/** What the loop needs. */
export interface UnfinishedRunsDeps {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
}

const RUNS_AT_ONCE = 200;

/** Makes the loop: it asks when it is woken (due-watch.ts). */
export function createUnfinishedRuns(deps: UnfinishedRunsDeps): StandingLoop {
  const { database, processor, log } = deps;
  return createLoop({
    name: "continue runs",
    log,
    async round() {
      const runs = await findUnfinished(database.read, RUNS_AT_ONCE);
      if (runs.length > 0) await reached("sweep.unfinished.page");
      const cause = { kind: "engine", id: "run_continued" } as const;
      const input = { kind: "run_continued", cause } as const;
      const ended = await Promise.allSettled(
        runs.map((run) => processor.submit({ kind: "input", ...run, input })),
      );
      const failed = ended.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
      const [error] = failed;
      if (error !== undefined) {
        log.warn("runs with pending work could not go on and are tried again", {
          count: failed.length,
          error,
        });
      }
      return false;
    },
  });
}
