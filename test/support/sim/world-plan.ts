/** What happens in a world, drawn from its seed: runs, requests, troubles, crashes. Boundary: values only. */
import { type RandomNumbers, randomNumbers } from "../random/random-numbers.ts";
import { NO_TROUBLES, type Troubles } from "./link.ts";

/** A run to start, and what its caller does to it. */
export interface PlannedRun {
  readonly key: string;
  readonly version: string;
  readonly atMs: number;
  readonly byEvent: boolean;
  /** Unset: its end is that of a world without troubles. */
  readonly cancelAfterMs: number | undefined;
}

/** A replica crashes, or stands still for a while, the n-th time that one comes to a place. */
interface PlannedCrash {
  readonly place: string;
  readonly n: number;
  /** 0: it crashes. */
  readonly frozenMs: number;
}

/** A world. */
export interface WorldPlan {
  readonly seed: number;
  readonly replicas: number;
  readonly runs: readonly PlannedRun[];
  readonly crashes: readonly PlannedCrash[];
  readonly troubles: Troubles;
  /** From then on nothing goes wrong any more. */
  readonly calmAtMs: number;
}

const VERSIONS = [
  "line",
  "line",
  "retries",
  "fan",
  "wait",
  "decisions",
  "timers",
  "undo",
  "parent",
];
const PLACES = [
  "before commit",
  "after commit",
  "before an owner acts",
  "after an owner acted",
  "after an owner acted",
  "before an acknowledgement",
  "after a message was stored",
];
const MILD: Troubles = { statements: 4, commits: 15, owners: 30, messages: 60, lost: 20, slow: 15 };
const HARD: Troubles = {
  statements: 20,
  commits: 80,
  owners: 150,
  messages: 200,
  lost: 80,
  slow: 40,
};

/** The world of a seed. */
export function planWorld(seed: number): WorldPlan {
  const random = randomNumbers(seed);
  const troubles = random.pick([NO_TROUBLES, MILD, MILD, HARD]) ?? MILD;
  const runs = Array.from({ length: 1 + random.below(3) }, (_, n) => planRun(random, `k${n}`));
  const crashes = Array.from({ length: random.pick([0, 1, 1, 2]) ?? 1 }, () => planCrash(random));
  return {
    ...{ seed, runs, crashes, troubles },
    replicas: random.pick([1, 2, 2, 3]) ?? 2,
    calmAtMs: 3_000 + random.below(6_000),
  };
}

/** One run of a version, with nothing that goes wrong. */
export function planCalm(version: string): WorldPlan {
  const run = { key: "k0", version, atMs: 0, byEvent: false, cancelAfterMs: undefined };
  const nothing = { crashes: [], troubles: NO_TROUBLES, calmAtMs: 1 };
  return { seed: 1, replicas: 1, runs: [run], ...nothing };
}

function planRun(random: RandomNumbers, key: string): PlannedRun {
  const version = random.pick(VERSIONS) ?? "line";
  return {
    ...{ key, version, atMs: random.below(1_500) },
    byEvent: version === "line" && random.chance(50),
    cancelAfterMs: random.chance(20) ? random.below(2_500) : undefined,
  };
}

function planCrash(random: RandomNumbers): PlannedCrash {
  const frozenMs = random.chance(30) ? random.pick([3_000, 12_000, 25_000]) : 0;
  return {
    place: random.pick(PLACES) ?? "after commit",
    n: 1 + random.below(12),
    frozenMs: frozenMs ?? 0,
  };
}
