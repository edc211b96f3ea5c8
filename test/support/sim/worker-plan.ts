/** The workers of a world, and the runs that give them tasks, drawn from its seed. Boundary: values only. */
import { randomNumbers } from "../random/random-numbers.ts";
import type { PlannedRun } from "./world-plan.ts";

/** Workers; what goes wrong with them is in a thousand. */
export interface PlannedWorkers {
  readonly count: number;
  readonly deaths: number;
  /** They send no heartbeats: the message goes to another worker while they go on. */
  readonly silences: number;
  readonly twice: number;
  readonly late: number;
  /** When the stream of tasks is lost; unset: never. */
  readonly lostAtMs: number | undefined;
}

/** Versions whose steps are tasks. */
export const WORKED: ReadonlySet<string> = new Set(["tasks", "overtaken"]);

/** Nothing goes wrong with them. */
export const CALM_WORKERS: PlannedWorkers = {
  ...{ count: 1, deaths: 0, silences: 0, twice: 0, late: 0, lostAtMs: undefined },
};

/** Its first objective is overtaken as a task is. */
const HASTY: PlannedRun = {
  ...{ key: "w9", version: "hasty", isTwice: false, atMs: 0, startBy: "key", command: undefined },
};

const EVERY = 5;

/** Every fifth world has workers. Its own random numbers leave the rest of the world as it is without them. */
export function planWorkers(
  seed: number,
): { readonly workers: PlannedWorkers; readonly runs: readonly PlannedRun[] } | undefined {
  if (seed % EVERY !== EVERY - 1) return undefined;
  const random = randomNumbers(seed ^ 0x7a5c);
  const trouble = random.pick([0, 1, 1, 2]) ?? 1;
  const workers = {
    count: 1 + random.below(3),
    ...{ deaths: 80 * trouble, silences: 150 * trouble, twice: 80 * trouble, late: 100 * trouble },
    lostAtMs: random.chance(40) ? random.below(6_000) : undefined,
  };
  const runs = Array.from({ length: 1 + random.below(3) }, (_, n): PlannedRun => {
    const isCancelled = random.chance(35);
    const hasKey = random.chance(50);
    const rpc = random.pick(["cancelRun", "cancelRun", "pauseRun"] as const) ?? "cancelRun";
    return {
      ...{ key: `w${n}`, version: random.pick([...WORKED]) ?? "tasks", isTwice: false },
      ...{ atMs: random.below(2_000), startBy: random.pick(["key", "event id"] as const) ?? "key" },
      command: isCancelled
        ? {
            ...{
              rpc,
              afterMs: random.below(random.chance(50) ? 60 : 2_000),
              isRacing: false,
              isTwice: false,
            },
            hasKey: hasKey || rpc === "pauseRun",
          }
        : undefined,
    };
  });
  return { workers, runs: random.chance(60) ? [...runs, HASTY] : runs };
}
