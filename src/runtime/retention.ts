/**
 * Deletes what is kept for a time only: ended runs, events and reports that no wait or call can want any more, keys of
 * callers, messages put aside, missed triggers, changes of workflows, counters, starts and marks of publishing. Mends the inbox (mend-inbox.ts).
 *
 * Boundary: a standing task beside the service that needs the database alone; what may go is decided by the store.
 * Invariants:
 * 1. One batch at a time, of one replica; after each a pause of PAUSE_TIMES what the batch took, so that a database
 *    under load is left alone for longer.
 * 2. A sweep that fails is logged and counted; the others go on, and the next round tries it again.
 * 3. Runs are deleted a day after the notice about them.
 * 4. A page of runs that takes too long is taken in smaller ones. A run that alone takes too long is passed over, so that
 *    those behind it go; each further pass tries it again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../process/log.ts";
import { count } from "../process/metrics.ts";
import { dropAbandonedApprovals, FIRST_OPEN } from "../store/abandoned-approvals.ts";
import { dropOldApprovals } from "../store/approval-requests.ts";
import { dropOldKeys } from "../store/caller-keys.ts";
import { dropOldChanges } from "../store/changes.ts";
import type { Database, Tx } from "../store/database.ts";
import { dropOldDeadLetters } from "../store/dead-letters.ts";
import { dropOldEvents } from "../store/events.ts";
import { dropOldMissed } from "../store/missed-triggers.ts";
import { dropOldNotifications } from "../store/notifications.ts";
import { dropOldCounters } from "../store/old-counters.ts";
import { isOverrun } from "../store/pg-errors.ts";
import { dropMarks } from "../store/published-marks.ts";
import { dropEndedRuns, FIRST_ENDED, inTurn, passOverEnded } from "../store/retention.ts";
import { giveNotice, isDue, RUNS_COUNTED } from "../store/retention-notices.ts";
import { dropLeftStarts } from "../store/run-starts.ts";
import type { GraphCache } from "./graphs.ts";
import { createItemWalk, createRunWalk, type Mended } from "./mend-inbox.ts";

/** What retention needs. */
export interface RetentionDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly log: Log;
  /** How long runs are kept after their end; 0: for ever. */
  readonly days: number;
  /** How long published batches are kept, for what NATS lost; 7 days unless given. */
  readonly markDays?: number;
}

/** What one batch did: deleted rows by kind, and whether another batch may find more. */
interface Batch {
  readonly dropped: Readonly<Record<string, number>>;
  readonly more: boolean;
}

interface Sweep {
  readonly name: string;
  readonly batch: (tx: Tx) => Promise<Batch>;
  /** Makes the next batch smaller than the one that took too long; false where it cannot be. */
  readonly takeLess?: () => boolean;
}

const AGES = {
  keptSeconds: 7 * 24 * 3600,
  /** A call is tried for 23 h at most; what was not met by then never is. */
  earlySeconds: 2 * 24 * 3600,
};
const DEAD_LETTER_DAYS = 30;
const MARK_DAYS = 7;
const INTERVAL_MS = 10 * 60_000;
const ROWS_A_BATCH = 5_000;
const RUNS_A_BATCH = 100;
const SMALLER_TIMES = 10;
const LARGER_TIMES = 2;
const PAUSE_TIMES = 4;
const SHORTEST_PAUSE_MS = 20;

/** Sweeps every ten minutes until stopped; `stop` waits for the batch under way. */
export function startRetention(deps: RetentionDeps): { stop(): Promise<void> } {
  const ending = new AbortController();
  const running = sweepOnAndOn(deps, ending.signal);
  return {
    async stop() {
      ending.abort();
      await running;
    },
  };
}

/** Everything that may go at the moment, batch by batch. */
export async function sweepOnce(deps: RetentionDeps, signal: AbortSignal): Promise<void> {
  for (const sweep of sweepsOf(deps)) {
    try {
      await runSweep(deps, sweep, signal);
    } catch (error) {
      count("workflows_retention_failures_total", { sweep: sweep.name });
      deps.log.warn("old rows could not be deleted; the next sweep tries again", {
        sweep: sweep.name,
        error,
      });
    }
  }
}

async function sweepOnAndOn(deps: RetentionDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sweepOnce(deps, signal);
    await pause(INTERVAL_MS, signal);
  }
}

async function runSweep(deps: RetentionDeps, sweep: Sweep, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const startedAt = performance.now();
    const batch = await runBatch(deps, sweep);
    if (batch === undefined) return;
    for (const [rows, number] of Object.entries(batch.dropped)) {
      if (number > 0) count("workflows_retention_deleted_total", { rows }, number);
    }
    if (!batch.more) return;
    const tookMs = performance.now() - startedAt;
    await pause(Math.max(SHORTEST_PAUSE_MS, PAUSE_TIMES * tookMs), signal);
  }
}

async function runBatch({ database }: RetentionDeps, sweep: Sweep): Promise<Batch | undefined> {
  try {
    return await inTurn(database, sweep.batch);
  } catch (error) {
    if (!isOverrun(error) || sweep.takeLess?.() !== true) throw error;
    return { dropped: {}, more: true };
  }
}

function sweepsOf(deps: RetentionDeps): Sweep[] {
  return [
    { name: "events", batch: dropEvents },
    { name: "keys", batch: (tx) => upTo("keys", dropOldKeys(tx, ROWS_A_BATCH)) },
    {
      name: "dead_letters",
      batch: (tx) => upTo("dead_letters", dropOldDeadLetters(tx, DEAD_LETTER_DAYS, ROWS_A_BATCH)),
    },
    { name: "starts", batch: (tx) => upTo("starts", dropLeftStarts(tx, ROWS_A_BATCH)) },
    { name: "missed", batch: (tx) => upTo("missed_triggers", dropOldMissed(tx, ROWS_A_BATCH)) },
    { name: "changes", batch: (tx) => upTo("workflow_changes", dropOldChanges(tx, ROWS_A_BATCH)) },
    { name: "counters", batch: (tx) => upTo("counters", dropOldCounters(tx, ROWS_A_BATCH)) },
    { name: "marks", batch: marksFrom(deps.markDays ?? MARK_DAYS) },
    ...(deps.days === 0 ? [] : afterDays(deps)),
    // Last: they walk all items and all open runs.
    { name: "items", batch: mending(createItemWalk(deps.graphs), deps) },
    { name: "missing_items", batch: mending(createRunWalk(deps.graphs), deps) },
  ];
}

function afterDays(deps: RetentionDeps): Sweep[] {
  return [
    endedRuns(deps),
    decidedApprovals(deps),
    // After the runs: a request goes with its own.
    abandonedApprovals(deps),
    doneNotifications(deps),
  ];
}

function abandonedApprovals({ days }: RetentionDeps): Sweep {
  let after = FIRST_OPEN;
  return {
    name: "abandoned_approvals",
    async batch(tx) {
      const { dropped, next } = await dropAbandonedApprovals(tx, days, after);
      after = next ?? FIRST_OPEN;
      return { dropped: { approvals: dropped }, more: next !== undefined };
    },
  };
}

function decidedApprovals({ days }: RetentionDeps): Sweep {
  return {
    name: "approvals",
    batch: (tx) => upTo("approvals", dropOldApprovals(tx, days, ROWS_A_BATCH)),
  };
}

function doneNotifications({ days }: RetentionDeps): Sweep {
  return {
    name: "notifications",
    batch: (tx) => upTo("notifications", dropOldNotifications(tx, days, ROWS_A_BATCH)),
  };
}

function mending(walk: (tx: Tx) => Promise<Mended>, { log }: RetentionDeps): Sweep["batch"] {
  return async (tx) => {
    const { added, dropped, more } = await walk(tx);
    if (added > 0) log.info("items of the inbox were missing and are added", { items: added });
    return { dropped: { inbox_items: dropped }, more };
  };
}

async function upTo(rows: string, dropping: Promise<number>): Promise<Batch> {
  const number = await dropping;
  return { dropped: { [rows]: number }, more: number >= ROWS_A_BATCH };
}

async function dropEvents(tx: Tx): Promise<Batch> {
  const { kept, early } = await dropOldEvents(tx, AGES, ROWS_A_BATCH);
  return {
    dropped: { kept_events: kept, early_reports: early },
    more: Math.max(kept, early) >= ROWS_A_BATCH,
  };
}

function marksFrom(days: number): Sweep["batch"] {
  let afterId = 0;
  return async (tx) => {
    const { marks, next } = await dropMarks(tx, days, afterId, ROWS_A_BATCH);
    afterId = next ?? 0;
    return { dropped: { marks }, more: next !== undefined };
  };
}

function endedRuns({ days, log }: RetentionDeps): Sweep {
  let after = FIRST_ENDED;
  let atMost = RUNS_A_BATCH;
  let passesOver = false;
  let freedChildren = false;

  async function passOver(tx: Tx): Promise<void> {
    const passed = await passOverEnded(tx, days, after);
    passesOver = false;
    if (passed === undefined) return;
    after = passed;
    count("workflows_retention_failures_total", { sweep: "runs" });
    log.warn("a run takes too long to be judged or deleted and stays; the next sweep tries again", {
      runId: passed.id,
    });
  }

  async function batch(tx: Tx): Promise<Batch> {
    await announce(tx, days, log);
    if (!(await isDue(tx, days))) return { dropped: {}, more: false };
    if (passesOver) await passOver(tx);
    const { runs, rows, parents, tooLarge, next } = await dropEndedRuns(tx, days, after, atMost);
    if (tooLarge > 0) {
      log.warn("trees of runs are too large to be judged and stay", { trees: tooLarge });
    }
    atMost = Math.min(RUNS_A_BATCH, atMost * LARGER_TIMES);
    freedChildren ||= runs > 0 && parents > 0;
    // Children end before their parent: those of the parents that went are found from the beginning.
    const more = next !== undefined || freedChildren;
    if (next === undefined) freedChildren = false;
    after = next ?? FIRST_ENDED;
    return { dropped: { runs, rows_of_runs: rows }, more };
  }

  function takeLess(): boolean {
    // What took too long was not the page.
    if (passesOver) return false;
    passesOver = atMost === 1;
    atMost = Math.ceil(atMost / SMALLER_TIMES);
    return true;
  }

  return { name: "runs", batch, takeLess };
}

async function announce(tx: Tx, days: number, log: Log): Promise<void> {
  const notice = await giveNotice(tx, days);
  if (notice === undefined) return;
  const { runs, oldestEnd } = notice;
  log[runs === 0 ? "info" : "warn"](
    "runs that ended long ago will be deleted from tomorrow on; RETENTION_DAYS=0 keeps all",
    {
      retentionDays: days,
      runs,
      countedTo: RUNS_COUNTED,
      oldestEnd: oldestEnd?.toISOString() ?? "none",
    },
  );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
