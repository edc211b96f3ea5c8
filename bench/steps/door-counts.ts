/**
 * What one StartRun of the whole service asks Postgres for: with and without an Idempotency-Key, alone and with others open.
 * Boundary: counts, no times; the processes are those of service-counts.ts.
 *
 * What follows a start (publishing, waits that meet events) is counted with it. What the idle service asks for by the clock is
 * taken off. How many calls share a commit is chance where many are open; a machine that is busy only adds to the counts of
 * one alone. So what is over the budget is counted again before it is judged.
 */
import { setTimeout as delay } from "node:timers/promises";
import { CALLS_OPEN } from "../lines/sizes.ts";
import type { Host } from "../parts/host-process.ts";
import { countsEach, growthOfCounts, medianCounts, type WireCounts } from "../parts/pg-messages.ts";
import type { PgRelay } from "../parts/pg-relay.ts";
import { type CountBudget, countsOver } from "./budget.ts";

/** Counts for each StartRun: the median of the rounds. */
export interface DoorCounts {
  readonly name: string;
  readonly counts: WireCounts;
  /** The counts that are over their budget, in words. */
  readonly over: readonly string[];
}

interface Door {
  readonly name: string;
  readonly keyed: boolean;
  readonly open: number;
  /** Calls of a round. */
  readonly calls: number;
  readonly budget: CountBudget;
}

// A call that is alone needs half a statement less than its budget. Of many that are open a few share each commit at least.
const DOORS: readonly Door[] = [
  {
    ...{ name: "StartRun, one alone", keyed: false, open: 1, calls: 10 },
    budget: { statements: 9.3, roundTrips: 9.3, commits: 7.3 },
  },
  {
    ...{ name: "StartRun with a key, one alone", keyed: true, open: 1, calls: 10 },
    budget: { statements: 12.4, roundTrips: 12.4, commits: 9.4 },
  },
  {
    ...{ name: `StartRun, ${CALLS_OPEN} open`, keyed: false, open: CALLS_OPEN, calls: 640 },
    budget: { statements: 0.9, roundTrips: 0.9, commits: 0.8 },
  },
  {
    ...{
      name: `StartRun with a key, ${CALLS_OPEN} open`,
      keyed: true,
      open: CALLS_OPEN,
      calls: 640,
    },
    budget: { statements: 1.2, roundTrips: 1.2, commits: 1 },
  },
];
const ROUNDS = 5;
const TRIES_AT_MOST = 3;
/** Until what follows the last start has been asked for. */
const SETTLE_MS = 500;
const IDLE_MS = 3_000;

/** Counts at a service that runs. */
export async function measureDoors(host: Host, relay: PgRelay): Promise<DoorCounts[]> {
  const measured: DoorCounts[] = [];
  for (const door of DOORS) {
    await startRuns(host, door);
    for (let round = 1; ; round += 1) {
      const counts = await countDoor(host, relay, door);
      const over = countsOver(counts, door.budget).map((what) => `${door.name}: ${what}`);
      if (over.length > 0 && round < TRIES_AT_MOST) continue;
      measured.push({ name: door.name, counts, over });
      break;
    }
  }
  return measured;
}

async function countDoor(host: Host, relay: PgRelay, door: Door): Promise<WireCounts> {
  const idle = await countDuring(relay, () => delay(IDLE_MS));
  const rounds: WireCounts[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const beganAt = performance.now();
    const counts = await countDuring(relay, () => startRuns(host, door));
    const byTheClock = countsEach(idle, IDLE_MS / (performance.now() - beganAt));
    rounds.push(countsEach(growthOfCounts(byTheClock, counts), door.calls));
  }
  return medianCounts(rounds);
}

async function startRuns(host: Host, { calls: runs, open: atATime, keyed }: Door): Promise<void> {
  await host.own("startRuns", { runs, atATime, keyed });
  await delay(SETTLE_MS);
}

async function countDuring(relay: PgRelay, work: () => Promise<unknown>): Promise<WireCounts> {
  const before = relay.counts();
  await work();
  return growthOfCounts(before, relay.counts());
}

/** The counts, one door a line. */
export function renderDoors(doors: readonly DoorCounts[]): string {
  return doors
    .map(({ name, counts: { statements, roundTrips, commits } }) => {
      const each = [statements, roundTrips, commits].map((count) => count.toFixed(2));
      return `${name}: ${each[0]} statements, ${each[1]} round trips, ${each[2]} commits a call`;
    })
    .join("\n");
}
