/**
 * What the whole service asks Postgres for, routing, calls and publishing included: for an agent step of a run that is alone, and
 * for an event that wakes a run, whose agent step then ends it, and for a step that a worker does.
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
import { type DoorCounts, measureDoors } from "./door-counts.ts";
import { type IdleCounts, measureIdle } from "./idle-counts.ts";
import { type InternalCounts, measureInternalCounts } from "./internal-counts.ts";
import { measureReplicaCounts, type ReplicaCounts } from "./replica-counts.ts";

/** Counts of one load: the median of the runs. Transactions of several round trips are what one thing waits for after another. */
export interface LoadCounts {
  readonly title: string;
  readonly counts: WireCounts;
  /** The counts that are over their budget, in words. */
  readonly over: readonly string[];
}

/** Counts through the whole service. */
export interface ServiceCounts {
  readonly loads: readonly LoadCounts[];
  readonly internal: InternalCounts;
  readonly doors: readonly DoorCounts[];
  readonly idle: IdleCounts;
  readonly replicas: ReplicaCounts;
}

interface ServiceLoad {
  readonly title: string;
  readonly budget: CountBudget;
  /** Makes ready what is not counted; gives what is counted, and how many it stands for. */
  prepare(host: Host, run: number): Promise<{ readonly each: number; work(): Promise<unknown> }>;
}

const LOADS: readonly ServiceLoad[] = [
  {
    title: "a step of a run of agent steps, whole service",
    budget: { statements: 9.8, roundTrips: 9.8, commits: 7 },
    prepare: async (host) => ({ each: LINE_STEPS, work: () => host.one("line", 1) }),
  },
  {
    title: "an event that wakes a run, to the end of its agent step, whole service",
    budget: { statements: 15, roundTrips: 15, commits: 12.3, transactions: 1.4 },
    async prepare(host, run) {
      const key = `counted-${run}-${performance.now()}`;
      const runId = await host.own<string>("parkRun", { key });
      // What its start left to do is done by then.
      await delay(SETTLE_MS);
      return { each: 1, work: () => host.own("wakeRun", { key, runId }) };
    },
  },
];
/** While a worker runs. */
const WORKER_LOAD: ServiceLoad = {
  title: "a step of a run of worker steps, whole service",
  budget: { statements: 3.3, roundTrips: 3.3, commits: 3.1 },
  prepare: async (host) => ({ each: LINE_STEPS, work: () => host.one("worker-line", 1) }),
};
const WARM_UP_RUNS = 3;
const IDLE_MS = 4_000;
const SETTLE_MS = 300;
const END_DELAY_MS = 50;
const RUNS = 11;
const ROUNDS_AT_MOST = 3;

/** Starts the service beside the given Postgres and counts. */
export async function measureService(guard: Guard, postgresUrl: string): Promise<ServiceCounts> {
  const database = await makeFreshDatabase(postgresUrl);
  const relay = await startPgRelay(postgresUrl);
  try {
    const host = await startHost(guard, "ours", relay.urlOf(database.url), END_DELAY_MS);
    try {
      await host.one("line", WARM_UP_RUNS);
      const loads: LoadCounts[] = [];
      for (const load of LOADS) loads.push(await countLoad(host, relay, load));
      await host.own("startWorker");
      await host.one("worker-line", WARM_UP_RUNS);
      loads.push(await countLoad(host, relay, WORKER_LOAD));
      await host.own("stopWorker");
      const internal = await measureInternalCounts(host, relay, database.url);
      const doors = await measureDoors(host, relay);
      const idle = await measureIdle(host, relay);
      return { loads, internal, doors, idle, replicas: await measureReplicaCounts(host, relay) };
    } finally {
      await host.stop();
    }
  } finally {
    await relay.stop();
    await database.drop();
  }
}

async function countLoad(host: Host, relay: PgRelay, load: ServiceLoad): Promise<LoadCounts> {
  const { title, budget } = load;
  for (let round = 1; ; round += 1) {
    const counts = await countRuns(host, relay, load);
    const over = countsOver(counts, budget).map((what) => `${title}: ${what}`);
    if (over.length === 0 || round === ROUNDS_AT_MOST) return { title, counts, over };
  }
}

async function countRuns(host: Host, relay: PgRelay, load: ServiceLoad): Promise<WireCounts> {
  const idle = await countDuring(relay, () => delay(IDLE_MS));
  const runs: WireCounts[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const { each, work } = await load.prepare(host, run);
    const beganAt = performance.now();
    const counts = await countDuring(relay, work);
    const byTheClock = countsEach(idle, IDLE_MS / (performance.now() - beganAt));
    runs.push(countsEach(growthOfCounts(byTheClock, counts), each));
  }
  return medianCounts(runs);
}

async function countDuring(relay: PgRelay, work: () => Promise<unknown>): Promise<WireCounts> {
  const before = relay.counts();
  await work();
  return growthOfCounts(before, relay.counts());
}

/** The counts in a line. */
export function renderLoad({ title, counts }: LoadCounts): string {
  const { statements, roundTrips, commits, transactions } = counts;
  return (
    `${title}: ${statements.toFixed(1)} statements, ${roundTrips.toFixed(1)} round trips, ` +
    `${commits.toFixed(1)} commits (${transactions.toFixed(1)} of several round trips)`
  );
}
