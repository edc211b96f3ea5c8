/**
 * What the whole service asks Postgres for while nothing happens and runs wait.
 * Boundary: counts, no times; the processes are those of service-counts.ts.
 *
 * The service asks by the clock. A machine that is busy lets it ask less, and what an earlier load left to do adds to the counts: so
 * what is over the budget is counted again before it is judged.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Host } from "../parts/host-process.ts";
import { countsEach, growthOfCounts, type WireCounts } from "../parts/pg-messages.ts";
import type { PgRelay } from "../parts/pg-relay.ts";
import { type CountBudget, countsOver } from "./budget.ts";

/** Counts of a second. */
export interface IdleCounts {
  readonly counts: WireCounts;
  /** The counts that are over their budget, in words. */
  readonly over: readonly string[];
}

const TITLE = "a second of the idle service";
const BUDGET: CountBudget = { statements: 4.5, roundTrips: 4.5, commits: 4.5 };
const PARKED = 100;
const SECONDS = 10;
const SECOND_MS = 1_000;
const TRIES_AT_MOST = 3;

/** Counts at a service that runs. */
export async function measureIdle(host: Host, relay: PgRelay): Promise<IdleCounts> {
  await host.park(PARKED);
  for (let round = 1; ; round += 1) {
    await delay(SECOND_MS);
    const before = relay.counts();
    await delay(SECONDS * SECOND_MS);
    const counts = countsEach(growthOfCounts(before, relay.counts()), SECONDS);
    const over = countsOver(counts, BUDGET).map((what) => `${TITLE}: ${what}`);
    if (over.length === 0 || round === TRIES_AT_MOST) return { counts, over };
  }
}

/** The counts in a line. */
export function renderIdle({ counts: { statements, roundTrips, commits } }: IdleCounts): string {
  const each = [statements, roundTrips, commits].map((count) => count.toFixed(1));
  return `${TITLE}: ${each[0]} statements, ${each[1]} round trips, ${each[2]} commits`;
}
