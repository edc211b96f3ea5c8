/**
 * What a step of the whole service asks Postgres for, when one run of agent steps is alone: routing, calls and publishing
 * included.
 * Boundary: counts, no times. The service, the owner of objectives and NATS are processes of their own.
 *
 * What the idle service asks for by the clock is taken off. An objective ends some time after its answer: where both come
 * at once, a step needs more or less by chance. A machine that is too busy even for that only adds to the counts, so what is
 * over the budget is counted again before it is judged.
 */
import { setTimeout as delay } from "node:timers/promises";
import { makeFreshDatabase } from "../../tools/parts/fresh-database.ts";
import type { Guard } from "../../tools/parts/guard.ts";
import { LINE_STEPS } from "../engines/words.ts";
import { type Host, startHost } from "../parts/host-process.ts";
import { countsEach, growthOfCounts, medianCounts, type WireCounts } from "../parts/pg-messages.ts";
import { type PgRelay, startPgRelay } from "../parts/pg-relay.ts";
import { type CountBudget, countsOver } from "./budget.ts";
import { type DoorCounts, measureDoors, renderDoors } from "./door-counts.ts";

/** Counts for each step: the median of the runs. */
export interface ServiceCounts {
  readonly counts: WireCounts;
  /** The counts that are over their budget, in words. */
  readonly over: readonly string[];
  readonly doors: readonly DoorCounts[];
}

const BUDGET: CountBudget = { statements: 16, roundTrips: 16, commits: 9.5 };
const WARM_UP_RUNS = 3;
const IDLE_MS = 4_000;
const END_DELAY_MS = 50;
const RUNS = 11;
const ROUNDS_AT_MOST = 3;
const TITLE = "a run of agent steps, whole service";

/** Starts the service beside the given Postgres and counts. */
export async function measureService(guard: Guard, postgresUrl: string): Promise<ServiceCounts> {
  const database = await makeFreshDatabase(postgresUrl);
  const relay = await startPgRelay(postgresUrl);
  try {
    const host = await startHost(guard, "ours", relay.urlOf(database.url), END_DELAY_MS);
    try {
      await host.one(WARM_UP_RUNS);
      for (let round = 1; ; round += 1) {
        const counts = await countRuns(host, relay);
        const over = countsOver(counts, BUDGET).map((what) => `${TITLE}: ${what}`);
        if (over.length > 0 && round < ROUNDS_AT_MOST) continue;
        return { counts, over, doors: await measureDoors(host, relay) };
      }
    } finally {
      await host.stop();
    }
  } finally {
    await relay.stop();
    await database.drop();
  }
}

async function countRuns(host: Host, relay: PgRelay): Promise<WireCounts> {
  const idle = await countDuring(relay, () => delay(IDLE_MS));
  const runs: WireCounts[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const beganAt = performance.now();
    const counts = await countDuring(relay, () => host.one(1));
    const byTheClock = countsEach(idle, IDLE_MS / (performance.now() - beganAt));
    runs.push(countsEach(growthOfCounts(byTheClock, counts), LINE_STEPS));
  }
  return medianCounts(runs);
}

async function countDuring(relay: PgRelay, work: () => Promise<unknown>): Promise<WireCounts> {
  const before = relay.counts();
  await work();
  return growthOfCounts(before, relay.counts());
}

/** The counts in a line. */
export function renderService({ counts, doors }: ServiceCounts): string {
  const { statements, roundTrips, commits, transactions } = counts;
  return (
    `${TITLE}, one alone: ${statements.toFixed(1)} statements, ${roundTrips.toFixed(1)} round trips, ` +
    `${commits.toFixed(1)} commits (${transactions.toFixed(1)} of several round trips) a step\n${renderDoors(doors)}`
  );
}
