/** The line of what starts runs for others: deliveries to an endpoint, schedules among many; and a list of many workflows. */
import { aSecond, type Bed, costOf, cpuMsEach, type Values } from "./sample.ts";
import { latencies } from "./shared-lines.ts";
import { CALLS_OPEN, WARM_UP_SHARE } from "./sizes.ts";

/** Of those that are due, so many: what is measured is the look for them among the others. */
const OFTEN = 50;
const OFTEN_FOR_MS = 21_000;
const TIMEOUT_MS = 300_000;

/** In the order of the parts: runs of the deliveries would be listed among those of the schedules. */
export async function measureStarters(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  const deliver = (times: number) =>
    host.own<number>("deliver", { times, atATime: CALLS_OPEN }, TIMEOUT_MS);
  const many = (times: number) => ({ times, atATime: CALLS_OPEN });
  await host.own("scheduleSeldom", many(sizes.schedules), TIMEOUT_MS);
  const late = await host.own<number[]>(
    "scheduleOften",
    { times: OFTEN, forMs: OFTEN_FOR_MS },
    TIMEOUT_MS,
  );
  if (late.length === 0) throw new Error("no schedule has started a run");
  await host.own("crowd", many(sizes.workflows), TIMEOUT_MS);
  await host.own("listWorkflows", { times: Math.ceil(sizes.listed * WARM_UP_SHARE) });
  const listed = latencies(await host.own<number[]>("listWorkflows", { times: sizes.listed }));
  await deliver(Math.ceil(sizes.deliveries * WARM_UP_SHARE));
  const cost = await costOf(bed, () => deliver(sizes.deliveries));
  return {
    deliveriesASecond: aSecond(sizes.deliveries, cost.ms),
    ...cpuMsEach(cost.cpu, sizes.deliveries),
    slotLateMs: Math.max(...late),
    slots: late.length,
    listMs: listed.p50Ms,
  };
}
