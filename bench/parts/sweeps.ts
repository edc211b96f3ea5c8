/**
 * What the service asks of the database by the clock: one look of each sweep, and one round of the publisher, timed.
 * Boundary: the service's own functions on connections like its own. Nothing is due, free or old, so nothing changes.
 */
import { PARTITIONS } from "../../src/runtime/partition.ts";
import { dropOldKeys } from "../../src/store/caller-keys.ts";
import { claimCalls } from "../../src/store/calls.ts";
import { FIRST_RUN, findUnreported } from "../../src/store/checks.ts";
import { type Database, openDatabase, type Tx } from "../../src/store/database.ts";
import { dropOldDeadLetters } from "../../src/store/dead-letters.ts";
import { dropOldEvents } from "../../src/store/events.ts";
import { markPublished } from "../../src/store/mark-published.ts";
import {
  listMoves,
  listRunsById,
  listUnpublished,
  type UnpublishedBatch,
} from "../../src/store/outbox.ts";
import { dropMarks } from "../../src/store/published-marks.ts";
import { dropEndedRuns, FIRST_ENDED } from "../../src/store/retention.ts";
import { giveNotice, isDue } from "../../src/store/retention-notices.ts";
import { dropLeftStarts } from "../../src/store/run-starts.ts";
import { readDatabaseState } from "../../src/store/service-reads/database-state.ts";
import { findDue } from "../../src/store/service-reads/due.ts";
import { findDueSchedules } from "../../src/store/service-reads/due-schedules.ts";
import { listMissedReports } from "../../src/store/service-reads/early-reports.ts";
import { findNextDue } from "../../src/store/service-reads/next-due.ts";
import { FIRST_WAIT, listOpenWaits } from "../../src/store/service-reads/open-waits.ts";
import { findUnfinished } from "../../src/store/service-reads/unfinished-runs.ts";
import { benchLog } from "../steps/driver.ts";
import { nowMs } from "./clock.ts";

type Look = (database: Database) => Promise<unknown>;

const ALL_PARTITIONS = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const HOLDER = "bench";
const OUTBOX = "outbox";
const BATCHES_A_ROUND = 64;
const PLACES = { kind: "create_objective", after: "", places: 50, bytes: 1e9 } as const;
const AGES = { keptSeconds: 7 * 86_400, earlySeconds: 2 * 86_400 };
const KEPT_DAYS = 90;
const YOUNG_WAIT_SECONDS = 1_200;
const YOUNG_REPORT_SECONDS = 600;
const QUIET_MS = 60_000;

const writing =
  (work: (tx: Tx) => Promise<unknown>): Look =>
  ({ transaction }) =>
    transaction(work);

/** One look of each, with the limits that the service has. */
const SWEEPS: Readonly<Record<string, Look>> = {
  "next-due": ({ read }) => findNextDue(read, 1_000),
  timers: ({ read }) => findDue(read, 500, []),
  schedules: ({ read }) => findDueSchedules(read, 500, []),
  waits: ({ read }) => listOpenWaits(read, FIRST_WAIT, YOUNG_WAIT_SECONDS, 200),
  reports: ({ read }) => listMissedReports(read, 0, YOUNG_REPORT_SECONDS, 500),
  unfinished: ({ read }) => findUnfinished(read, 100),
  checks: ({ read }) => findUnreported(read, FIRST_RUN, QUIET_MS),
  calls: (database) => claimCalls(database, HOLDER, [PLACES], []),
  readiness: ({ read }) => readDatabaseState(read, PARTITIONS),
  keys: writing((tx) => dropOldKeys(tx, 5_000)),
  events: writing((tx) => dropOldEvents(tx, AGES, 5_000)),
  "dead-letters": writing((tx) => dropOldDeadLetters(tx, 30, 5_000)),
  starts: writing((tx) => dropLeftStarts(tx, 5_000)),
  marks: writing((tx) => dropMarks(tx, 7, 0, 5_000)),
  "ended-runs": writing((tx) => dropEndedRuns(tx, KEPT_DAYS, FIRST_ENDED, 100)),
  notice: writing(async (tx) => {
    await giveNotice(tx, KEPT_DAYS);
    await isDue(tx, KEPT_DAYS);
  }),
};

/**
 * ms of every look by the sweep's name, of each database; `outbox` is the round of the publisher. All in turn, so that each meets
 * the same moments.
 */
export async function timeSweeps(
  urls: readonly string[],
  times: number,
): Promise<Readonly<Record<string, number[]>>[]> {
  const databases = urls.map((url) => openDatabase({ url, log: benchLog }));
  try {
    const sides = await Promise.all(databases.map(looksAt));
    for (let round = 0; round <= times; round += 1) {
      for (const name of [...Object.keys(SWEEPS), OUTBOX]) {
        for (const { looks, tookMs } of sides) {
          const beganAtMs = nowMs();
          await looks[name]?.();
          // The first round connects and plans.
          if (round > 0) tookMs[name]?.push(nowMs() - beganAtMs);
        }
      }
    }
    return sides.map(({ tookMs }) => tookMs);
  } finally {
    for (const database of databases) await database.close();
  }
}

async function looksAt(database: Database) {
  const batches = await database.read.query<UnpublishedBatch>(LATEST, [BATCHES_A_ROUND]);
  const sweeps = Object.entries(SWEEPS).map(([name, look]) => [name, () => look(database)]);
  const looks: Record<string, () => Promise<unknown>> = Object.fromEntries(sweeps);
  looks[OUTBOX] = () => publishingRound(database, batches);
  const tookMs = Object.fromEntries(Object.keys(looks).map((name) => [name, [] as number[]]));
  return { looks, tookMs };
}

const LATEST = {
  name: "latest_batches",
  text: "select id, partition, changes from move_batches where changes is null order by id desc limit $1",
};

/** What a replica reads and marks that publishes batches which another one committed. Only the holder of a lease marks. */
async function publishingRound(
  database: Database,
  batches: readonly UnpublishedBatch[],
): Promise<void> {
  await listUnpublished(database, ALL_PARTITIONS, BATCHES_A_ROUND);
  const moves = await listMoves(
    database,
    batches.map(({ id }) => id),
  );
  await listRunsById(database, [...new Set(moves.map(({ runId }) => runId))]);
  await markPublished(database, HOLDER, batches, { stream: "WORKFLOWS", seq: batches.length });
}
