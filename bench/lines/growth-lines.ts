/** The lines that compare the service with itself: a long run with short ones, two replicas with one. */
import { setTimeout as delay } from "node:timers/promises";
import { LINE_STEPS } from "../engines/words.ts";
import {
  aSecond,
  type Bed,
  costOf,
  cpuMsEach,
  medianValues,
  prefixed,
  type Values,
} from "./sample.ts";
import { IN_FLIGHT, WARM_UP_SHARE } from "./sizes.ts";

/** What a replica more may cost: the caller and the owner of objectives do the same for one as for two. */
const SHARED = ["service", "postgres", "nats"];
const WARM_UP_RUNS = 10;
/** Two rounds of leases: then each replica publishes its share. */
const DIVIDED_WITHIN_MS = 8_000;

/** One run of many agent steps, beside as many steps in runs of ten, one after another as those of the long run are. */
export async function measureLong(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  const steps = sizes.longSteps;
  await host.one("line", WARM_UP_RUNS);
  const chains = await costOf(bed, async () =>
    sum(await host.one("line", Math.ceil(steps / LINE_STEPS))),
  );
  const long = await costOf(bed, () => host.own<number>("long", { steps }));
  return {
    ...cpuMsEach(long.cpu, steps),
    stepMs: long.ms / steps,
    ...prefixed("chains", { ...cpuMsEach(chains.cpu, steps), stepMs: chains.ms / steps }),
  };
}

/** The load of `steps` on one replica and on two, in the order one, two, two, one: a machine that drifts favours neither. */
export async function measureReplicas(bed: Bed): Promise<Values> {
  const { host } = bed;
  await stepsOf(bed, WARM_UP_SHARE);
  const one = [await stepsOf(bed, 1)];
  await host.own("addReplica");
  await delay(DIVIDED_WITHIN_MS);
  await stepsOf(bed, WARM_UP_SHARE);
  const two = [await stepsOf(bed, 1), await stepsOf(bed, 1)];
  await host.own("dropReplica");
  await delay(DIVIDED_WITHIN_MS);
  await stepsOf(bed, WARM_UP_SHARE);
  one.push(await stepsOf(bed, 1));
  return { ...medianValues(two), ...prefixed("one", medianValues(one)) };
}

async function stepsOf(bed: Bed, share: number): Promise<Values> {
  const { host, sizes } = bed;
  const runs = Math.ceil(sizes.replicaRuns * share);
  const { ms, cpu, postgres } = await costOf(bed, () =>
    host.runs("line", runs, IN_FLIGHT[host.engine]),
  );
  const steps = runs * LINE_STEPS;
  const counted = Object.fromEntries(Object.entries(cpu).filter(([name]) => SHARED.includes(name)));
  return {
    ...cpuMsEach(counted, steps),
    stepsASecond: aSecond(steps, ms),
    commits: postgres.commits / steps,
    walBytes: postgres.walBytes / steps,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
