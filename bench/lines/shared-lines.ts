/** The lines that every engine can be measured by. */
import type { RunKind } from "../engines/engine.ts";
import { FAN_STEPS, LINE_STEPS } from "../engines/words.ts";
import { median, quantile } from "../report/statistics.ts";
import { aSecond, type Bed, costOf, cpuMsEach, type Values } from "./sample.ts";
import { IN_FLIGHT, WARM_UP_SHARE } from "./sizes.ts";

const P99 = 0.99;
const SECOND_MS = 1_000;
const FANS_ALONE = 3;

/** Lines of steps, many in flight. */
export async function measureSteps(bed: Bed, kind: RunKind): Promise<Values> {
  const { host, sizes } = bed;
  const atATime = IN_FLIGHT[host.engine];
  await host.runs(kind, Math.ceil(sizes.lineRuns * WARM_UP_SHARE), atATime);
  const cost = await costOf(bed, () => host.runs(kind, sizes.lineRuns, atATime));
  const steps = sizes.lineRuns * LINE_STEPS;
  return {
    stepsASecond: aSecond(steps, cost.ms),
    ...cpuMsEach(cost.cpu, steps),
    commits: cost.postgres.commits / steps,
    fsyncs: cost.postgres.fsyncs / steps,
    walBytes: cost.postgres.walBytes / steps,
    rowWrites: cost.postgres.rowWrites / steps,
  };
}

/** One line of steps after another. */
export async function measureOne({ host, sizes }: Bed, kind: RunKind): Promise<Values> {
  await host.one(kind, Math.ceil(sizes.oneRuns * WARM_UP_SHARE));
  return latencies(await host.one(kind, sizes.oneRuns));
}

/** From the event for a parked run to the call of its next step. */
export async function measureWake({ host, sizes }: Bed): Promise<Values> {
  const warmUp = Math.ceil(sizes.wakes * WARM_UP_SHARE);
  const { ids } = await host.park(sizes.wakes + warmUp);
  await host.wakeEach(ids.slice(0, warmUp));
  return latencies(await host.wakeEach(ids.slice(warmUp)));
}

/** Runs with many parallel steps and a join: one, and many at once. */
export async function measureFan({ host, sizes }: Bed, kind: RunKind): Promise<Values> {
  await host.runs(kind, 1, 1);
  const alone: number[] = [];
  for (let i = 0; i < FANS_ALONE; i += 1) alone.push(await host.runs(kind, 1, 1));
  const manyMs = await host.runs(kind, sizes.fans, sizes.fans);
  return {
    oneMs: median(alone),
    manyMs,
    stepsASecond: aSecond(sizes.fans * FAN_STEPS, manyMs),
  };
}

/** Work of a host that has a worker meanwhile. */
export function withWorker(measure: (bed: Bed) => Promise<Values>) {
  return async (bed: Bed): Promise<Values> => {
    await bed.host.own("startWorker");
    try {
      return await measure(bed);
    } finally {
      await bed.host.own("stopWorker");
    }
  };
}

/** Runs that wait: how soon they are accepted. */
export async function measureAccepted({ host, sizes }: Bed): Promise<Values> {
  const { acceptedMs } = await host.park(sizes.parked.at(-1) ?? 0);
  return { acceptedSeconds: acceptedMs / SECOND_MS };
}

/** The middle and the slow end. */
export function latencies(ms: readonly number[]): { p50Ms: number; p99Ms: number } {
  return { p50Ms: median(ms), p99Ms: quantile(ms, P99) };
}
