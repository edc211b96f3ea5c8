/**
 * Makes up for lost events: steps long in flight are checked with the owners of what they wait for.
 * Boundary: finds, claims and asks; what the owners report goes in as the input that their event would have been.
 * Invariants:
 * 1. Events are hints: a step gets the end of its owner within one interval, whatever became of the event.
 * 2. A step is checked by one replica at a time, and not again before 5/8 of the interval are over; a quick step never.
 * 3. Owners are asked a few at a time, behind the calls that move runs, and not at all while their breaker is open.
 * 4. Looking for steps takes a fifth of one connection's time at most, however many runs are open, and is left out for as long as no
 *    step can be unreported: what begins after a lap is not before the quiet time is over.
 */

import { NotSent } from "../../collaborators/call-failure.ts";
import type { Clients } from "../../collaborators/clients.ts";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { createLoop } from "../../process/standing-loop.ts";
import type { Processor } from "../../runtime/processor.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import {
  type ClaimedCheck,
  claimChecks,
  FIRST_RUN,
  findUnreported,
  type RunPlace,
  type UnreportedPage,
} from "../../store/checks.ts";
import type { Database } from "../../store/database.ts";
import { askOwners, type News } from "./ask-owners.ts";
import { createHeldEnds, type HeldEnds, type MarkBus } from "./held-ends.ts";

/** What the reconciler needs. */
export interface ReconcilerDeps {
  readonly database: Database;
  readonly processor: Pick<Processor, "submit">;
  /** Those of the dispatcher, which also closes them. */
  readonly clients: Pick<Clients, "find">;
  readonly log: Log;
  /** How often steps long in flight are checked (RECONCILE_INTERVAL_MS). */
  readonly intervalMs: number;
  /** Unset where the service consumes no bus. */
  readonly markBus?: MarkBus;
  /** Publishes those of the tasks of workers again that are lost; unset where the service has no bus. */
  recoverTasks?(tasks: readonly ClaimedCheck[]): Promise<void>;
}

/** The reconciler at work. */
export interface Reconciler {
  start(): void;
  /** Asks nothing more; what was found and is not submitted is found again by another replica. */
  stop(): Promise<void>;
}

// Parts of the interval that add up to less than one: quiet, a round's pause with its jitter, the grace with the next one.
const QUIET = 5 / 8;
const ROUND = 1 / 8;
const GRACE = 3 / 32;
const ASKED_AT_ONCE = 16;
/** Rest after a lap, as a multiple of the time that its reading took. */
const REST_FACTOR = 4;

/** What the rounds of one replica share. */
interface Checking {
  readonly deps: ReconcilerDeps;
  readonly held: HeldEnds;
  /** Steps that changed within this time are not checked. */
  readonly quietMs: number;
  /** How long the reads of the lap under way have taken. */
  readMs: number;
  stopping: boolean;
}

/** Makes what does nothing before `start`. */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { log, intervalMs } = deps;
  const held = createHeldEnds({ ...deps, graceMs: intervalMs * GRACE });
  const checking: Checking = {
    deps,
    held,
    quietMs: intervalMs * QUIET,
    readMs: 0,
    stopping: false,
  };
  let nextLapAtMs = 0;

  const rounds = createLoop({
    name: "check steps long in flight",
    everyMs: intervalMs * ROUND,
    log,
    async round() {
      await held.flush();
      if (performance.now() < nextLapAtMs) return false;
      let moreAtMs = 0;
      try {
        moreAtMs = await lap(checking);
      } finally {
        // A lap that failed rests too: it begins again at the first run.
        const restMs = Math.min(checking.readMs * REST_FACTOR, intervalMs);
        nextLapAtMs = Math.max(performance.now() + restMs, moreAtMs);
      }
      return false;
    },
  });
  return {
    start: () => rounds.start(),
    async stop() {
      checking.stopping = true;
      await rounds.stop();
    },
  };
}

/** Once over all open runs; gives before when another one finds nothing, by the process's clock. */
async function lap(checking: Checking): Promise<number> {
  const { deps, held, quietMs } = checking;
  checking.readMs = 0;
  let moreAtMs = performance.now() + quietMs;
  let place: RunPlace | undefined = FIRST_RUN;
  while (place !== undefined && !checking.stopping) {
    const askedAtMs = performance.now();
    const page = await readPage(checking, place);
    moreAtMs = Math.min(moreAtMs, askedAtMs + page.moreInMs);
    if (page.steps.length > 0) {
      const claimed = await claimChecks(deps.database, page.steps, quietMs);
      // What another replica has claimed, or a commit locks, is looked at again in the next round.
      if (claimed.length < page.steps.length) moreAtMs = 0;
      // Another replica is at this place, or its steps are just being moved.
      if (claimed.length === 0 && page.next === place) break;
      await reached("reconcile.claimed");
      await recoverTasks(
        deps,
        claimed.filter(({ isTask }) => isTask),
      );
      await checkAll(
        checking,
        claimed.filter(({ isTask }) => !isTask),
      );
      await reached("reconcile.asked");
      await held.flush();
    }
    place = page.next;
  }
  return moreAtMs;
}

/** A page of steps; also the time of a read that fails counts. */
async function readPage(checking: Checking, place: RunPlace): Promise<UnreportedPage> {
  const began = performance.now();
  try {
    return await findUnreported(checking.deps.database.read, place, checking.quietMs);
  } finally {
    checking.readMs += performance.now() - began;
  }
}

async function recoverTasks(deps: ReconcilerDeps, tasks: readonly ClaimedCheck[]): Promise<void> {
  if (tasks.length === 0) return;
  try {
    await deps.recoverTasks?.(tasks);
  } catch (error) {
    deps.log.warn("tasks of workers are checked again later", { count: tasks.length, error });
  }
}

async function checkAll(checking: Checking, claimed: ClaimedCheck[]): Promise<void> {
  async function work(): Promise<void> {
    for (let next = claimed.pop(); next !== undefined; next = claimed.pop()) {
      if (checking.stopping) return;
      await check(checking, next);
    }
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, work));
}

async function check(checking: Checking, claimed: ClaimedCheck): Promise<void> {
  const { deps } = checking;
  try {
    for (const news of await askOwners(deps, claimed)) await report(checking, claimed, news);
  } catch (error) {
    if (!(error instanceof NotSent && checking.stopping)) noteUnchecked(deps.log, claimed, error);
  }
}

/** Submits news of a step; an end is held first, because its event may be under way. */
async function report(
  { deps, held }: Checking,
  claimed: ClaimedCheck,
  { input, objectId, isEnd, lacksOutput }: News,
): Promise<void> {
  const { runId, workspaceId, stepIndex } = claimed;
  const submission = { kind: "input", runId, workspaceId, input } as const;
  const key = `${runId}/${stepIndex}/${input.cause.id}`;
  const object = { workspaceId, objectId, stepIndex };
  if (isEnd) held.hold({ key, submission, object, lacksOutput });
  else await deps.processor.submit(submission);
}

function noteUnchecked(log: Log, { runId, stepIndex }: ClaimedCheck, error: unknown): void {
  const passes = isTemporary(error) || error instanceof NotSent;
  if (passes) log.debug("a step is checked again later", { runId, stepIndex, error });
  else log.error("a step could not be checked", { runId, stepIndex, error });
}
