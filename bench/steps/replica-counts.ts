/**
 * What an agent step costs in Postgres with one replica and with two, through the whole service: statements, commits, rows read.
 * Boundary: counts, no times; the processes are those of service-counts.ts.
 *
 * How many runs share a commit is chance, and a machine that is busy only adds to the counts. So what is over the budget is
 * counted again before it is judged. An objective ends some time after its answer, and its event comes to either replica.
 */
import { setTimeout as delay } from "node:timers/promises";
import { LINE_STEPS } from "../engines/words.ts";
import type { Host } from "../parts/host-process.ts";
import { countsEach, growthOfCounts, type WireCounts } from "../parts/pg-messages.ts";
import type { PgRelay } from "../parts/pg-relay.ts";
import { type CountBudget, countsOver } from "./budget.ts";

/** What a step cost. */
export interface ReplicaCounts {
  readonly one: WireCounts;
  readonly two: WireCounts;
  /** What is over the budget of two, in words. */
  readonly over: readonly string[];
}

const IN_FLIGHT = 64;
const TITLE = `an agent step, ${IN_FLIGHT} runs in flight at two replicas`;
/** How many runs share a statement depends on the machine. Rows are read for each step that does not stay at its replica. */
const COUNTS: CountBudget = { statements: 2, roundTrips: 2, commits: 1.6, rowsRead: 5 };
const RUNS = 128;
/** Two rounds of leases: then each replica publishes its share. */
const DIVIDED_WITHIN_MS = 8_000;
const TRIES_AT_MOST = 3;

/** Counts at a service of one replica, and with another one for as long. */
export async function measureReplicaCounts(host: Host, relay: PgRelay): Promise<ReplicaCounts> {
  await runAll(host);
  const one = await countOnce(host, relay);
  await host.own("addReplica");
  try {
    await delay(DIVIDED_WITHIN_MS);
    await runAll(host);
    for (let round = 1; ; round += 1) {
      const two = await countOnce(host, relay);
      const over = countsOver(two, COUNTS).map((what) => `${TITLE}: ${what}`);
      if (over.length === 0 || round === TRIES_AT_MOST) return { one, two, over };
    }
  } finally {
    await host.own("dropReplica");
  }
}

async function countOnce(host: Host, relay: PgRelay): Promise<WireCounts> {
  const before = relay.counts();
  await runAll(host);
  return countsEach(growthOfCounts(before, relay.counts()), RUNS * LINE_STEPS);
}

function runAll(host: Host): Promise<number> {
  return host.runs("line", RUNS, IN_FLIGHT);
}

/** The counts in a line. */
export function renderReplicas({ one, two }: ReplicaCounts): string {
  const words = ({ statements, commits, rowsRead }: WireCounts) =>
    `${statements.toFixed(2)} statements, ${commits.toFixed(2)} commits, ${rowsRead.toFixed(2)} rows read`;
  return `${TITLE}: ${words(two)}; at one: ${words(one)}`;
}
