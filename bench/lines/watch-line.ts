/** The line that says what watchers cost: while nothing moves, beside agent steps, and for each move that one gets. */
import { setTimeout as delay } from "node:timers/promises";
import { LINE_STEPS } from "../engines/words.ts";
import { finishUpkeep } from "../parts/postgres-counts.ts";
import { growthOfCpu } from "../parts/process-cpu.ts";
import { type Bed, costOf, cpuMsEach, medianValues, readCpuOf, type Values } from "./sample.ts";
import { IN_FLIGHT, WARM_UP_SHARE } from "./sizes.ts";

const SECOND_MS = 1_000;
/** Watched runs at a time: each move reaches one watcher. */
const FOLLOWED_AT_A_TIME = 64;

/** In the order without, with, with, without: a machine that drifts favours neither. */
export async function measureWatch(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  const runs = Math.ceil(sizes.replicaRuns * WARM_UP_SHARE);
  await stepsOf(bed, runs);
  await host.own("runWatched", { runs, atATime: FOLLOWED_AT_A_TIME });
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

/** What a move costs the service more where a watcher gets it: the same runs without watchers are measured before and after. */
async function followedOf(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  const runs = sizes.replicaRuns;
  const serviceMs = async (work: () => Promise<number>) => {
    const { service = 0 } = (await costOf(bed, work)).cpu;
    return service * SECOND_MS;
  };
  const plain = () => serviceMs(() => host.runs("line", runs, FOLLOWED_AT_A_TIME));
  let moves = 0;
  const followed = () =>
    serviceMs(async () => {
      moves += await host.own<number>("runWatched", { runs, atATime: FOLLOWED_AT_A_TIME });
      return 0;
    });
  const [first, second, third, last] = [
    await plain(),
    await followed(),
    await followed(),
    await plain(),
  ];
  return { movesARun: moves / 2 / runs, moveMs: (second + third - first - last) / moves };
}
