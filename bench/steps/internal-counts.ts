/**
 * What a step without a call costs in Postgres through the whole service, with as many runs in flight as the line `internal` has:
 * rows and log (WAL) that are written, and what is asked for and read.
 * Boundary: counts, no times; the processes are those of service-counts.ts.
 *
 * How many runs share a commit or a round of the publisher is chance, and a machine that is busy only adds to the counts. So
 * what is over the budget is counted again before it is judged.
 */
import pg from "pg";
import { INTERNAL_STEPS } from "../engines/words.ts";
import { INTERNAL_IN_FLIGHT } from "../lines/sizes.ts";
import type { Host } from "../parts/host-process.ts";
import { countsEach, growthOfCounts, type WireCounts } from "../parts/pg-messages.ts";
import type { PgRelay } from "../parts/pg-relay.ts";
import { type Budget, type CountBudget, countsOver, judge } from "./budget.ts";
import { growthOf, rowsOf, settledCounters } from "./counters.ts";

/** What a step cost. */
export interface InternalCounts {
  readonly counts: WireCounts;
  readonly writes: Budget;
  /** What is over its budget, in words. */
  readonly over: readonly string[];
}

const TITLE = `an internal step, ${INTERNAL_IN_FLIGHT} runs of ${INTERNAL_STEPS} in flight`;
/** One row of step_runs; the rows of the run and of its commits are shared by all its steps. */
const WRITES: Budget = { walBytes: 400, rows: 1.2 };
const COUNTS: CountBudget = { statements: 0.05, roundTrips: 0.05, commits: 0.05, rowsRead: 0.1 };
const RUNS = 128;
const TRIES_AT_MOST = 3;

/** Counts at a service that runs on the given database. */
export async function measureInternalCounts(
  host: Host,
  relay: PgRelay,
  databaseUrl: string,
): Promise<InternalCounts> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await runAll(host);
    for (let round = 1; ; round += 1) {
      const measured = await countOnce(host, relay, client);
      if (measured.over.length === 0 || round === TRIES_AT_MOST) return measured;
    }
  } finally {
    await client.end();
  }
}

async function countOnce(host: Host, relay: PgRelay, client: pg.Client): Promise<InternalCounts> {
  const steps = RUNS * INTERNAL_STEPS;
  const [before, countsBefore] = [await settledCounters(client), relay.counts()];
  await runAll(host);
  const counts = countsEach(growthOfCounts(countsBefore, relay.counts()), steps);
  const grown = growthOf(before, await settledCounters(client));
  const rows = [...grown.tables.values()].reduce((sum, table) => sum + rowsOf(table), 0);
  const writes = { walBytes: grown.walBytes / steps, rows: rows / steps };
  const overWrites = judge(writes, WRITES) === "ok" ? [] : [`writes ${wordsOf(writes)}`];
  const over = [...overWrites, ...countsOver(counts, COUNTS)].map((what) => `${TITLE}: ${what}`);
  return { counts, writes, over };
}

function runAll(host: Host): Promise<number> {
  return host.own<number>("internal", { runs: RUNS, atATime: INTERNAL_IN_FLIGHT });
}

function wordsOf({ walBytes, rows }: Budget): string {
  return `${rows.toFixed(2)} rows and ${walBytes.toFixed(0)} bytes of log`;
}

/** The counts in a line. */
export function renderInternal({ counts, writes }: InternalCounts): string {
  const { statements, commits, rowsRead } = counts;
  return (
    `${TITLE}: writes ${wordsOf(writes)}; ${statements.toFixed(2)} statements, ` +
    `${commits.toFixed(2)} commits, ${rowsRead.toFixed(2)} rows read`
  );
}
