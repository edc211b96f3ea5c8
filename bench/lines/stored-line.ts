/**
 * What the service costs beside many stored runs, compared with few: two databases, each with a bus and a service of its own.
 * Boundary: both sides go through relays that count statements.
 * Invariant: the sides are measured in turn, a little at a time, so that a machine that becomes busier slows both alike. CPU
 * of Postgres is that of the sessions of one database.
 */
import pg from "pg";
import { migrateDatabase } from "../../src/store/migrate.ts";
import { makeFreshDatabase } from "../../tools/parts/fresh-database.ts";
import type { CallName, MadeRun } from "../engines/ours-calls.ts";
import { LINE_STEPS } from "../engines/words.ts";
import { type Host, startHost } from "../parts/host-process.ts";
import { type PgRelay, startPgRelay } from "../parts/pg-relay.ts";
import { type CpuSeconds, growthOfCpu, readCpu } from "../parts/process-cpu.ts";
import { reserveBatches, storeCopies } from "../parts/stored-rows.ts";
import { timeSweeps } from "../parts/sweeps.ts";
import { median } from "../report/statistics.ts";
import { type Bed, cpuMsEach, medianValues, prefixed, type Values } from "./sample.ts";
import { IN_FLIGHT } from "./sizes.ts";

const ORIGINALS = 4;
/** More than any page of a sweep, so that pages are full on both sides. */
const PARKED_FIRST = 600;
const CALLS: readonly CallName[] = ["listRuns", "getRun", "handleTrigger"];
const CALLS_A_TURN = 5;
const TURNS = 5;
const SECOND_MS = 1_000;
const POSTGRES = "postgres";
const SWEEP = "sweepMs.";

/** A database and what works on it. */
interface Side {
  readonly host: Host;
  readonly relay: PgRelay;
  readonly url: string;
  readonly finished: readonly MadeRun[];
  readonly parked: readonly MadeRun[];
}

/** Both sides; the numbers of the side without stored runs are `empty.…`. */
export async function measureStored(bed: Bed): Promise<Values> {
  return withSide(bed, (empty) =>
    withSide(bed, async (stored) => {
      const { finished, parked } = bed.sizes.stored;
      const beganAt = performance.now();
      await storeCopies(stored.url, [
        { originals: stored.finished, runs: finished },
        { originals: stored.parked, runs: parked },
      ]);
      const fillSeconds = (performance.now() - beganAt) / SECOND_MS;
      const sides = [empty, stored];
      const steps = await measureSteps(bed, sides);
      const calls = await measureCalls(bed, sides);
      const sweeps = await measureSweeps(bed, sides);
      const [before, after] = [0, 1].map((at) => ({ ...steps[at], ...calls[at], ...sweeps[at] }));
      return {
        ...after,
        ...prefixed("empty", before ?? {}),
        worstSweep: worstSweep(before ?? {}, after ?? {}),
        fillSeconds,
      };
    }),
  );
}

async function withSide<T>(bed: Bed, work: (side: Side) => Promise<T>): Promise<T> {
  const { guard, postgres, sizes } = bed;
  const database = await makeFreshDatabase(postgres.url);
  const relay = await startPgRelay(postgres.url);
  try {
    await migrateDatabase(database.url);
    await reserveBatches(database.url);
    const host = await startHost(guard, "ours", relay.urlOf(database.url));
    try {
      await host.park(Math.min(PARKED_FIRST, sizes.stored.parked));
      const made = (command: string) => host.own<MadeRun[]>(command, { runs: ORIGINALS });
      const finished = await made("finishedRuns");
      const parked = await made("parkedRuns");
      return await work({ host, relay, url: database.url, finished, parked });
    } finally {
      await host.stop();
    }
  } finally {
    await relay.stop();
    await database.drop();
  }
}

async function measureSteps({ sizes }: Bed, sides: readonly Side[]): Promise<Values[]> {
  const measured = sides.map((): Values[] => []);
  for (let turn = 0; turn <= TURNS; turn += 1) {
    for (const [at, side] of sides.entries()) {
      const values = await stepsOf(side, sizes.storedRuns);
      // The first turn warms up.
      if (turn > 0) measured[at]?.push(values);
    }
  }
  return measured.map(medianValues);
}

async function stepsOf({ host, relay, url }: Side, runs: number): Promise<Values> {
  const before = { cpu: await readSideCpu(host, url), counts: relay.counts() };
  await host.runs("line", runs, IN_FLIGHT[host.engine]);
  const { statements, commits } = relay.counts();
  const cpu = growthOfCpu(before.cpu, await readSideCpu(host, url));
  const steps = runs * LINE_STEPS;
  return {
    ...cpuMsEach(withSessionsAsOne(cpu), steps),
    statements: (statements - before.counts.statements) / steps,
    commits: (commits - before.counts.commits) / steps,
  };
}

/** Of the side's processes, and of each session of its database by its own name: one that ends meanwhile is left out. */
async function readSideCpu(host: Host, url: string): Promise<CpuSeconds> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`,
    );
    const sessions = rows.map(({ pid }) => ({
      name: `${POSTGRES}.${pid}`,
      pid,
      withChildren: false,
    }));
    return readCpu([...(await host.processes()), ...sessions]);
  } finally {
    await client.end();
  }
}

function withSessionsAsOne(cpu: CpuSeconds): CpuSeconds {
  const sums: Record<string, number> = {};
  for (const [name, seconds] of Object.entries(cpu)) {
    const one = name.startsWith(`${POSTGRES}.`) ? POSTGRES : name;
    sums[one] = (sums[one] ?? 0) + seconds;
  }
  return sums;
}

async function measureCalls({ sizes }: Bed, sides: readonly Side[]): Promise<Values[]> {
  const tookMs = sides.map(() => new Map(CALLS.map((call) => [call, [] as number[]])));
  for (let made = 0; made <= sizes.storedCalls; made += CALLS_A_TURN) {
    for (const [at, { host, finished }] of sides.entries()) {
      const runId = finished[0]?.runId ?? "";
      for (const call of CALLS) {
        const ms = await host.own<number[]>("calls", { call, times: CALLS_A_TURN, runId });
        if (made > 0) tookMs[at]?.get(call)?.push(...ms);
      }
    }
  }
  return tookMs.map((calls) =>
    Object.fromEntries([...calls].map(([call, ms]) => [`${call}Ms`, median(ms)])),
  );
}

async function measureSweeps({ sizes }: Bed, sides: readonly Side[]): Promise<Values[]> {
  const urls = sides.map(({ url }) => url);
  const timed = await timeSweeps(urls, sizes.storedCalls);
  return timed.map(({ outbox = [], ...sweeps }) => ({
    outboxMs: median(outbox),
    ...Object.fromEntries(
      Object.entries(sweeps).map(([name, ms]) => [`${SWEEP}${name}`, median(ms)]),
    ),
  }));
}

/** How many times as long the sweep takes that grew most. */
export function worstSweep(empty: Values, stored: Values): number {
  const ratios = Object.entries(stored)
    .filter(([name]) => name.startsWith(SWEEP))
    .map(([name, ms]) => ms / (empty[name] ?? ms));
  return Math.max(...ratios);
}
