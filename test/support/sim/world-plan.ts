/** What happens in a world, drawn from its seed: runs, requests, troubles, crashes. Boundary: values only. */
import { type RandomNumbers, randomNumbers } from "../random/random-numbers.ts";
import { NO_TROUBLES, type Troubles } from "./link.ts";
import { SCHEDULED } from "./versions.ts";
import { CALM_WORKERS, type PlannedWorkers, planWorkers, WORKED } from "./worker-plan.ts";

/** A run to start, and what its caller does to it. */
export interface PlannedRun {
  readonly key: string;
  readonly version: string;
  readonly atMs: number;
  /** What makes a repeat of its start the same start; without a thing each may start a run. */
  readonly startBy: "event" | "event id" | "key" | "nothing";
  /** Two callers start it at once. */
  readonly isTwice: boolean;
  readonly command: PlannedCommand | undefined;
}

/** A call about a run. A run that is paused is resumed, and ends then as in a world without troubles. */
export interface PlannedCommand {
  readonly rpc: "pauseRun" | "cancelRun" | "compensateRun";
  readonly afterMs: number;
  /** It is sent when one of the run's objectives ends, `afterMs` at the latest. */
  readonly isRacing: boolean;
  readonly hasKey: boolean;
  readonly isTwice: boolean;
}

/** A replica crashes, or stands still for a while, the n-th time that one comes to a place. */
interface PlannedCrash {
  readonly place: string;
  readonly n: number;
  /** Only the times count when a run is compensating. */
  readonly isWhileUndoing: boolean;
  /** 0: it crashes. */
  readonly frozenMs: number;
}

/** A schedule that a world has. */
export interface PlannedSchedule {
  readonly version: string;
  /** When a new version with the same line is published; unset: never. */
  readonly againAtMs: number | undefined;
}

/** A world. */
export interface WorldPlan {
  readonly seed: number;
  readonly replicas: number;
  readonly runs: readonly PlannedRun[];
  readonly schedule: PlannedSchedule | undefined;
  readonly workers: PlannedWorkers | undefined;
  readonly crashes: readonly PlannedCrash[];
  readonly troubles: Troubles;
  /** So long the bus gathers messages for a replica, at most. */
  readonly gatherMs: number;
  /** So many ends of objects in a hundred come after `quickMs`; 0: their event may overtake the reply. */
  readonly quick: number;
  readonly quickMs: number;
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
  "hand",
  "clash",
];
const PLACES = [
  "before commit",
  "after commit",
  "before an owner acts",
  "after an owner acted",
  "after an owner acted",
  "before an acknowledgement",
  "after a message was stored",
  "after a key was claimed",
  "before an answer",
  "after a report was taken for another replica",
];
/** Those that a run comes to while its steps are compensated. */
const UNDOING_PLACES = PLACES.filter((place) => !/ key | answer$/.test(place));
/** Where a world with a schedule has half of its crashes. */
const SCHEDULE_PLACES = [
  "after slots were found",
  "before a schedule moves on",
  "before a schedule moves on",
  "before a schedule's move is committed",
];
const MILD: Troubles = {
  statements: 4,
  commits: 15,
  owners: 30,
  callers: 60,
  messages: 60,
  lost: 20,
  slow: 15,
};
const HARD: Troubles = {
  statements: 20,
  commits: 80,
  owners: 150,
  callers: 200,
  messages: 200,
  lost: 80,
  slow: 40,
};

/** Replies are taken, and their commits fail: events that come right behind find nothing. */
const LOSSY: Troubles = { ...MILD, statements: 20, commits: 250, slow: 150 };
const USUAL = { quick: 15, quickMs: 0 };
const EARLY = { quick: 60, quickMs: 0 };
const TOGETHER = { quick: 80, quickMs: 100 };

/** The world of a seed. */
export function planWorld(seed: number): WorldPlan {
  const random = randomNumbers(seed);
  const troubles = random.pick([NO_TROUBLES, NO_TROUBLES, MILD, MILD, HARD, LOSSY]) ?? MILD;
  const isCrowd = random.chance(30);
  const runs = Array.from({ length: isCrowd ? 4 : 1 + random.below(3) }, (_, n) =>
    planRun(random, `k${n}`, isCrowd ? 20 : 1_500),
  );
  const schedule = random.chance(30) ? planSchedule(random) : undefined;
  const isUndone = runs.some((run) => run.version === "undo");
  const crashes = Array.from({ length: random.pick([0, 1, 1, 2]) ?? 1 }, () => {
    if (isUndone && random.chance(40)) return planCrash(random, UNDOING_PLACES, 4, true);
    return schedule !== undefined && random.chance(50)
      ? planCrash(random, SCHEDULE_PLACES, 4)
      : planCrash(random, PLACES, 12);
  });
  const worked = planWorkers(seed);
  return {
    ...{ seed, runs: [...runs, ...(worked?.runs ?? [])], schedule, crashes, troubles },
    workers: worked?.workers,
    replicas: random.pick([1, 2, 2, 3]) ?? 2,
    calmAtMs: 3_000 + random.below(6_000),
    gatherMs: random.pick([3, 3, 3, 60]) ?? 3,
    ...(random.pick([USUAL, USUAL, EARLY, TOGETHER]) ?? USUAL),
  };
}

/** One run of a version, with nothing that goes wrong. */
export function planCalm(version: string): WorldPlan {
  const how = { startBy: "event id", isTwice: false, command: undefined } as const;
  const run = { key: "k0", version, atMs: 0, ...how };
  const workers = WORKED.has(version) ? CALM_WORKERS : undefined;
  const nothing = { schedule: undefined, workers, crashes: [], troubles: NO_TROUBLES, calmAtMs: 1 };
  const bus = { gatherMs: 3, ...USUAL };
  return { seed: 1, replicas: 1, runs: [run], ...nothing, ...bus };
}

function planRun(random: RandomNumbers, key: string, beginsWithinMs: number): PlannedRun {
  const version = random.pick(VERSIONS) ?? "line";
  return {
    ...{ key, version, atMs: random.below(beginsWithinMs) },
    ...planStart(random, version),
    command: random.chance(35) ? planCommand(random) : undefined,
  };
}

function planStart(random: RandomNumbers, version: string) {
  if (version === "line" && random.chance(50)) return { startBy: "event", isTwice: false } as const;
  const drawn = random.pick(["event id", "key", "key", "nothing"] as const) ?? "key";
  // What a caller does for its run it does for one.
  const startBy = drawn === "nothing" && ["wait", "hand"].includes(version) ? "key" : drawn;
  return { startBy, isTwice: startBy !== "nothing" && random.chance(40) };
}

function planCommand(random: RandomNumbers): PlannedCommand {
  const rpc = random.pick(["pauseRun", "cancelRun", "cancelRun", "compensateRun"] as const);
  const afterMs = random.below(2_500);
  // A pause without a key that comes late would hold a run that was resumed.
  const hasKey = rpc === "pauseRun" || random.chance(50);
  const isTwice = random.chance(40);
  return { rpc: rpc ?? "cancelRun", afterMs, hasKey, isTwice, isRacing: random.chance(30) };
}

function planSchedule(random: RandomNumbers): PlannedSchedule {
  return {
    version: random.pick(Object.keys(SCHEDULED)) ?? "",
    againAtMs: random.chance(40) ? random.below(9_000) : undefined,
  };
}

function planCrash(
  random: RandomNumbers,
  places: readonly string[],
  timesAtMost: number,
  isWhileUndoing = false,
): PlannedCrash {
  const frozenMs = random.chance(30) ? random.pick([3_000, 12_000, 25_000]) : 0;
  return {
    place: random.pick(places) ?? "after commit",
    n: 1 + random.below(timesAtMost),
    isWhileUndoing,
    frozenMs: frozenMs ?? 0,
  };
}
