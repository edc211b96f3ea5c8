/**
 * Time as an input: what falls due by the database's clock is submitted, schedules are fired, missed triggers are started, runs that
 * wait for their turn are begun, and
 * waits and reports that lost a race to a crash are looked at again.
 * Boundary: no timer lives in the process; rows are asked what is due, so a restart fires what became due meanwhile.
 * Invariants:
 * T1 Due is what the database's clock says; the process's monotonic clock only paces the asking (due-watch.ts).
 * T2 A timer fires once: the engine compares it with the run as it then is. Several replicas may submit the same.
 * T3 A timer that stays due though it was submitted is left out for a while, so that it cannot crowd out the others.
 * T4 What fires late is submitted in the order of the due times, across steps and runs, a step's second timer included.
 * T5 Whatever is wrong, the table is asked about every TIMERS_MS while something is due; only a full round without a failure goes on
 *    at once.
 */
import type { Input } from "../../engine/values/input.ts";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import type { Processor, Submission } from "../../runtime/processor.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import type { Database } from "../../store/database.ts";
import { type Due, findDue } from "../../store/service-reads/due.ts";
import { startDueWatch } from "./due-watch.ts";
import { startReportSweep } from "./missed-reports.ts";
import { createMissedStarts } from "./missed-triggers.ts";
import { startWaitSweep } from "./missed-waits.ts";
import { createSchedules, createWorkflowSchedules } from "./schedules.ts";
import { createUnfinishedRuns } from "./unfinished-runs.ts";
import { createWaitingRuns } from "./waiting-runs.ts";

/** What timers need. */
export interface TimerDeps {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
}

/** Timers at work. */
export interface Timers {
  /** A commit of this replica set something that falls due in so many ms; 0: perhaps now. */
  notice(inMs: number): void;
  stop(): Promise<void>;
}

/** How often each kind is asked for while something of it is due. */
const TIMERS_MS = 200;
// Slots are on whole seconds.
const SCHEDULES_MS = 500;
const RUNS_MS = 1_000;
const MISSED_MS = 200;
const WAITING_MS = 200;
const DUE_AT_MOST = 500;
const LEFT_OUT_MS = 5_000;
const LEFT_OUT_AT_MOST = 2_000;

interface LeftOut extends Due {
  readonly untilMs: number;
}

/** Starts asking for what is due. */
export function startTimers(deps: TimerDeps): Timers {
  const timers = createFiring(deps);
  const schedules = createSchedules(deps);
  const others = createWorkflowSchedules(deps);
  const runs = createUnfinishedRuns(deps);
  const missed = createMissedStarts(deps);
  const waiting = createWaitingRuns(deps);
  const loops = [timers, schedules, others, runs, missed, waiting];
  for (const loop of loops) loop.start();
  const watch = startDueWatch(deps, [
    { kind: "timers", everyMs: TIMERS_MS, loop: timers },
    { kind: "schedules", everyMs: SCHEDULES_MS, loop: schedules },
    { kind: "schedules", everyMs: SCHEDULES_MS, loop: others },
    { kind: "runs", everyMs: RUNS_MS, loop: runs },
    { kind: "missed", everyMs: MISSED_MS, loop: missed },
    { kind: "waiting", everyMs: WAITING_MS, loop: waiting },
  ]);
  const sweeps = [watch, startWaitSweep(deps), startReportSweep(deps)];
  return {
    notice: (inMs) => watch.notice(inMs),
    async stop() {
      await Promise.all([...loops, ...sweeps].map((loop) => loop.stop()));
    },
  };
}

/** Fires timers when it is woken. */
function createFiring(deps: TimerDeps): StandingLoop {
  const leftOut = new Map<string, LeftOut>();
  return createLoop({
    name: "fire timers",
    log: deps.log,
    async round() {
      forgetOld(leftOut);
      const found = await findDue(deps.database.read, DUE_AT_MOST, [...leftOut.values()]);
      if (found.length > 0) await reached("timers.found");
      const fired = await Promise.all(found.map((each) => fire(deps, leftOut, each)));
      if (found.length > 0) await reached("timers.fired");
      const refused = fired.filter((refusal) => refusal !== undefined);
      const [error] = refused;
      if (error !== undefined) {
        deps.log.warn("timers could not be fired and come again", { count: refused.length, error });
      }
      return isFull(found.length) && refused.length === 0;
    },
  });
}

/** Whether more may be due: a full round has steps, run deadlines and second timers, up to DUE_AT_MOST of each. */
export function isFull(found: number): boolean {
  return found >= DUE_AT_MOST;
}

/** Gives the failure when it is temporary: the timer is still due and is found again. Any other one leaves it out. */
async function fire(deps: TimerDeps, leftOut: Map<string, LeftOut>, due: Due): Promise<unknown> {
  const key = `${due.runId}/${due.stepIndex}/${due.dueAt.getTime()}`;
  try {
    const { reply } = await deps.processor.submit(submissionOf(due));
    if (reply.kind === "applied") return undefined;
  } catch (error) {
    if (isTemporary(error)) return error;
    deps.log.error("a timer cannot be fired", { ...due, error });
  }
  // The step's first timer may have ended it; if not, this one is found again as the first.
  if (due.isSecond) return undefined;
  if (leftOut.size < LEFT_OUT_AT_MOST) {
    leftOut.set(key, { ...due, untilMs: performance.now() + LEFT_OUT_MS });
  }
  return undefined;
}

function submissionOf({ runId, workspaceId, stepIndex }: Due): Submission {
  const input: Input =
    stepIndex === null
      ? { kind: "deadline_passed", cause: { kind: "timer", id: "deadline" } }
      : { kind: "step_due", cause: { kind: "timer", id: "due" }, stepIndex };
  return { kind: "input", runId, workspaceId, input };
}

function forgetOld(leftOut: Map<string, LeftOut>): void {
  const now = performance.now();
  for (const [key, { untilMs }] of leftOut) if (untilMs <= now) leftOut.delete(key);
}
