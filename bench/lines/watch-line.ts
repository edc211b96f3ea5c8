/** The line that says what watchers cost: while nothing moves, beside agent steps, and for each move that one gets. */
import { setTimeout as delay } from "node:timers/promises";
import { LINE_STEPS } from "../engines/words.ts";
import { finishUpkeep } from "../parts/postgres-counts.ts";
import { growthOfCpu } from "../parts/process-cpu.ts";
import { type Bed, costOf, cpuMsEach, medianValues, readCpuOf, type Values } from "./sample.ts";
import { IN_FLIGHT, WARM_UP_SHARE } from "./sizes.ts";

const SECOND_MS = 1_000;
/** Watched runs: of so many steps that opening a stream is little of what a move costs. */
const FOLLOWED = { runs: 32, steps: 200, watchers: 1 };
/** Where a move reaches many watchers. */
const MANY = { runs: 8, steps: 200, watchers: 20 };

/** In the order without, with, with, without: a machine that drifts favours neither. */
export async function measureWatch(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  const runs = Math.ceil(sizes.replicaRuns * WARM_UP_SHARE);
  await stepsOf(bed, runs);
  const without = [await unwatched(bed)];
  await host.own("watchParked", { runs: sizes.watchers });
  const beside = [await unwatched(bed), await unwatched(bed)];
  await host.own("endWatches");
  without.push(await unwatched(bed));
  const [plain, watched] = [medianValues(without), medianValues(beside)];
  const followed = await followedOf(bed);
  return {
    ...followed,
    idleCores: (watched.idleCores ?? 0) - (plain.idleCores ?? 0),
    stepMs: watched.stepMs ?? 0,
    "unwatched.stepMs": plain.stepMs ?? 0,
  };
}

/** What runs that nobody watches cost the service, a step; and what it costs while nothing moves. */
async function unwatched(bed: Bed): Promise<Values> {
  const stepMs = await stepsOf(bed, bed.sizes.replicaRuns);
  await finishUpkeep(bed.databaseUrl);
  const before = await readCpuOf(bed);
  await delay(bed.sizes.idleMs);
  const { service = 0 } = growthOfCpu(before, await readCpuOf(bed));
  return { stepMs, idleCores: (service * SECOND_MS) / bed.sizes.idleMs };
}

async function stepsOf(bed: Bed, runs: number): Promise<number> {
  const { host } = bed;
  const { cpu } = await costOf(bed, () => host.runs("line", runs, IN_FLIGHT[host.engine]));
  return cpuMsEach(cpu, runs * LINE_STEPS)["cpuMs.service"] ?? 0;
}

/** What a move costs the service more where watchers get it: the same runs without watchers are measured before and after. */
async function followedOf(bed: Bed): Promise<Values> {
  await follow(bed, FOLLOWED);
  const turns: Turn[] = [];
  for (const watchers of [0, 1, 1, 0]) turns.push(await follow(bed, { ...FOLLOWED, watchers }));
  const plainMs = sum(turns.filter(({ moves }) => moves === 0).map(({ ms }) => ms));
  const followedMs = sum(turns.filter(({ moves }) => moves > 0).map(({ ms }) => ms));
  const many = await follow(bed, MANY);
  const manyRuns = MANY.runs / (2 * FOLLOWED.runs);
  const times = bed.sizes.watchers / 2;
  const openMs = await serviceMs(bed, () => bed.host.own<number>("openWatches", { times }));
  return {
    moveMs: (followedMs - plainMs) / sum(turns.map(({ moves }) => moves)),
    manyMs: (many.ms - plainMs * manyRuns) / many.moves,
    openMs: openMs / times,
  };
}

interface Turn {
  readonly ms: number;
  readonly moves: number;
}

/** What the service's CPU has to do for so many runs, and how many moves their watchers got. */
async function follow(bed: Bed, followed: typeof FOLLOWED): Promise<Turn> {
  let moves = 0;
  const ms = await serviceMs(bed, async () => {
    moves = await bed.host.own<number>("runWatched", followed);
    return moves;
  });
  return { ms, moves };
}

async function serviceMs(bed: Bed, work: () => Promise<number>): Promise<number> {
  const { service = 0 } = (await costOf(bed, work)).cpu;
  return service * SECOND_MS;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
