/** The lines that only the service is measured by. */
import { setTimeout as delay } from "node:timers/promises";
import { INTERNAL_STEPS } from "../engines/words.ts";
import { finishUpkeep } from "../parts/postgres-counts.ts";
import { growthOfCpu } from "../parts/process-cpu.ts";
import { median } from "../report/statistics.ts";
import { aSecond, type Bed, costOf, cpuMsEach, readCpuOf, type Values } from "./sample.ts";
import { latencies } from "./shared-lines.ts";
import { CALLS_OPEN, INTERNAL_IN_FLIGHT, WARM_UP_SHARE } from "./sizes.ts";

const SECOND_MS = 1_000;
const MIB = 1024 * 1024;
/** Until work after the last run has ended. */
const SETTLE_MS = 5_000;
const WARM_UP_RUNS = 50;
const FIRST_WOKEN = 100;
const OPEN_WARM_UP_SECONDS = 5;

interface Restarted {
  readonly startedAtMs: number;
  readonly readyMs: number;
}

/** A process of the service from its start until it is ready, on a database that has its schema. */
export async function measureStart({ host, sizes }: Bed): Promise<Values> {
  const readyMs: number[] = [];
  for (let i = 0; i < sizes.restarts; i += 1) {
    readyMs.push((await host.own<Restarted>("restart")).readyMs);
  }
  return { readyMs: median(readyMs) };
}

/** Steps that need no one else. */
export async function measureInternal(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  const run = (runs: number) => host.own<number>("internal", { runs, atATime: INTERNAL_IN_FLIGHT });
  await run(Math.ceil(sizes.internalRuns * WARM_UP_SHARE));
  const cost = await costOf(bed, () => run(sizes.internalRuns));
  const steps = sizes.internalRuns * INTERNAL_STEPS;
  return { stepsASecond: aSecond(steps, cost.ms), ...cpuMsEach(cost.cpu, steps) };
}

/** StartRun of runs that wait for an event; with an Idempotency-Key, each its own, or without. */
export async function measureStartRun(bed: Bed, keyed: boolean): Promise<Values> {
  const { host, sizes } = bed;
  const start = (runs: number) =>
    host.own<number>("startRuns", { runs, atATime: CALLS_OPEN, keyed });
  await start(Math.ceil(sizes.startedRuns * WARM_UP_SHARE));
  const cost = await costOf(bed, () => start(sizes.startedRuns));
  return {
    callsASecond: aSecond(sizes.startedRuns, cost.ms),
    ...cpuMsEach(cost.cpu, sizes.startedRuns),
  };
}

/** Events that start runs which wait, until the last run's start is on the bus. */
export async function measureTrigger(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  await host.own("trigger", { events: Math.ceil(sizes.events * WARM_UP_SHARE) });
  const cost = await costOf(bed, () => host.own<number>("trigger", { events: sizes.events }));
  return { runsASecond: aSecond(sizes.events, cost.ms), ...cpuMsEach(cost.cpu, sizes.events) };
}

/** Runs that come at a rate: reactions to ends on the bus, StartRun, and whole runs. */
export async function measureOpenLoop({ host, sizes }: Bed, runsASecond: number): Promise<Values> {
  const seconds = sizes.openSeconds;
  await host.own("openLoop", { runsASecond, seconds: Math.min(seconds, OPEN_WARM_UP_SECONDS) });
  await host.own("reactions");
  const timeoutMs = 2 * seconds * SECOND_MS + 120_000;
  const { startMs, runMs } = await host.own<{ startMs: number[]; runMs: number[] }>(
    "openLoop",
    { runsASecond, seconds },
    timeoutMs,
  );
  const reaction = latencies(await host.own<number[]>("reactions"));
  const start = latencies(startMs);
  const run = latencies(runMs);
  return {
    runsASecond,
    reactionP50Ms: reaction.p50Ms,
    reactionP99Ms: reaction.p99Ms,
    startP50Ms: start.p50Ms,
    startP99Ms: start.p99Ms,
    runP50Ms: run.p50Ms,
    runP99Ms: run.p99Ms,
  };
}

/** Runs that wait: what they cost, and how soon the first one goes on after a kill. By size, and at the largest. */
export async function measureParked(bed: Bed): Promise<Values> {
  const values: Record<string, number> = {};
  let parked = 0;
  for (const size of bed.sizes.parked) {
    const measured = await parkUpTo(bed, size - parked);
    parked = size;
    Object.assign(values, measured);
    values[`firstWakeMs.${size}`] = measured.firstWakeMs;
    values[`heapGrowthMiB.${size}`] = measured.heapGrowthMiB;
    values[`idleCores.${size}`] = measured.idleCores;
  }
  return values;
}

async function parkUpTo(bed: Bed, runs: number) {
  const { host, sizes } = bed;
  // Code that is used for the first time would count as memory of the runs.
  await host.runs("line", WARM_UP_RUNS, WARM_UP_RUNS);
  await host.wakeEach((await host.park(1)).ids);
  const heapBefore = await host.own<number>("heapBytes");
  const { acceptedMs, ids } = await host.park(runs);
  await delay(Math.min(SETTLE_MS, sizes.idleMs));
  const heapAfter = await host.own<number>("heapBytes");
  const idle = await idleCoresOf(bed);
  const { startedAtMs, readyMs } = await host.own<Restarted>("restart");
  const every = Math.max(1, Math.floor(ids.length / FIRST_WOKEN));
  const firstAtMs = await host.firstOf(ids.filter((_, at) => at % every === 0));
  return {
    acceptedSeconds: acceptedMs / SECOND_MS,
    heapGrowthMiB: (heapAfter - heapBefore) / MIB,
    idleCores: idle.all,
    ...Object.fromEntries(Object.entries(idle.each).map(([name, n]) => [`idleCores.${name}`, n])),
    restartReadyMs: readyMs,
    firstWakeMs: firstAtMs - startedAtMs,
  };
}

/** CPU of the service, NATS and Postgres while nothing happens, by process and in all. */
async function idleCoresOf(bed: Bed): Promise<{ readonly all: number; readonly each: Values }> {
  // What Postgres does later about the rows of this line and of those before it is no work of parked runs.
  await finishUpkeep(bed.databaseUrl);
  const before = await readCpuOf(bed);
  await delay(bed.sizes.idleMs);
  const seconds = bed.sizes.idleMs / SECOND_MS;
  const grown = Object.entries(growthOfCpu(before, await readCpuOf(bed)));
  const each = grown
    .filter(([name]) => name !== "caller" && name !== "owner")
    .map(([name, cpu]) => [name, cpu / seconds] as const);
  return { all: each.reduce((sum, [, cores]) => sum + cores, 0), each: Object.fromEntries(each) };
}
