/** The line of the doors: what a route of REST costs beside its RPC, and how long a search over MCP takes. */
import type { DoorCall, DoorLoad, DoorWay } from "../engines/doors.ts";
import { median } from "../report/statistics.ts";
import { type Bed, costOf, cpuMsEach, type Values } from "./sample.ts";
import { latencies } from "./shared-lines.ts";
import { WARM_UP_SHARE } from "./sizes.ts";

/** Few: a machine with two cores has the callers beside the service. */
const OPEN = 8;
/** A machine that drifts favours neither. */
const TURNS: readonly DoorWay[] = ["rest", "rpc", "rpc", "rest", "rest", "rpc", "rpc", "rest"];

/** CPU of the service for each call, by both ways in turn; and a search. */
export async function measureDoors(bed: Bed): Promise<Values> {
  const { host, sizes } = bed;
  const get = await compare(bed, "get");
  const start = await compare(bed, "start");
  // The first one loads the protocol's package.
  await host.own("searchMcp", { times: Math.ceil(sizes.searches * WARM_UP_SHARE) });
  const searched = latencies(await host.own<number[]>("searchMcp", { times: sizes.searches }));
  return {
    "rest.getMs": get.rest,
    "rpc.getMs": get.rpc,
    "rest.startMs": start.rest,
    "rpc.startMs": start.rpc,
    searchMs: searched.p50Ms,
  };
}

async function compare(bed: Bed, call: DoorCall): Promise<Readonly<Record<DoorWay, number>>> {
  const { doorCalls } = bed.sizes;
  const warmUp = Math.ceil(doorCalls * WARM_UP_SHARE);
  for (const way of ["rest", "rpc"] as const) await serviceMs(bed, call, way, warmUp);
  const each: Record<DoorWay, number[]> = { rest: [], rpc: [] };
  for (const way of TURNS) each[way].push(await serviceMs(bed, call, way, doorCalls));
  return { rest: median(each.rest), rpc: median(each.rpc) };
}

async function serviceMs(bed: Bed, call: DoorCall, way: DoorWay, times: number): Promise<number> {
  const load: DoorLoad = { call, way, times, atATime: OPEN };
  const { cpu } = await costOf(bed, () => bed.host.own<number>("callDoor", load));
  return cpuMsEach(cpu, times)["cpuMs.service"] ?? 0;
}
