/**
 * What happens in one schedule: replicas, runs, and three to ten faults of any kind, all of it from one seed.
 * Boundary: pure. The same seed gives the same plan on every machine; what the machine makes of it is its own.
 */
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { type RandomNumbers, randomNumbers } from "../../random/random-numbers.ts";
import type { PlannedFault } from "../planned-fault.ts";
import { SHAPES } from "../workload/shapes.ts";
import type { PlannedRun } from "../workload/workload.ts";
import { WORKSPACES } from "../workload/workspaces.ts";
import { CALM, type ChaosSettings } from "../world/bus-chaos.ts";

/** Faults that come at a time, whatever a replica does then. */
const TIMED_KINDS = [
  "kill",
  "freeze",
  "graceful stop",
  "postgres restart",
  "postgres restart twice",
  "nats kill",
  "nats freeze",
  "nats stream lost",
  "nats older stream",
  "kill",
  "collaborator away",
  "collaborator slow",
  "collaborator loses answers",
  "collaborator hangs",
  "collaborator dies",
  "collaborator fails half",
  "collaborator flaps",
] as const;

/**
 * See TIMED_KINDS. The others come in no random schedule: a bus that is gone takes long; where consumers are deleted
 * while a replica starts, the new replica makes them again at its own start and misses what came just before; and
 * further kinds would change the schedule of every seed.
 */
export type TimedKind =
  | (typeof TIMED_KINDS)[number]
  | "nats gone"
  | "nats consumers deleted"
  | "collaborator resets in answers"
  | "worker kill"
  | "worker freeze"
  | "nats task stream lost";

/** Collaborators that are called. */
export const SERVICES = [
  "objectives",
  "agents",
  "approvals",
  "notifications",
  "governance",
] as const;
type Service = (typeof SERVICES)[number];

/** A fault at a time. */
export interface TimedFault {
  readonly kind: TimedKind;
  readonly atMs: number;
  /** Which replica or worker, where the kind is about one. */
  readonly replica: number;
  /** How long it lasts, where it lasts. */
  readonly forMs: number;
  /** Whose calls meet it, where the kind is about a collaborator; the time chooses one unless given. */
  readonly service?: Service;
}

/** A fault at a crash point of a replica. */
export interface PointFault {
  readonly replica: number;
  readonly fault: PlannedFault;
}

/** See the file's head. */
export interface Plan {
  readonly seed: number;
  readonly replicas: number;
  readonly runs: readonly PlannedRun[];
  readonly points: readonly PointFault[];
  readonly timed: readonly TimedFault[];
  readonly chaos: ChaosSettings;
  /** Work besides the runs, for what they never pass. */
  readonly extras: readonly Extra[];
  /** How long the faults at points are waited for when the work is done already. */
  readonly pointsWithinMs: number;
}

/**
 * Messages that cannot be read; events that are kept for waits; definitions that a second starts; runs that take several
 * transitions to begin; runs that nothing but continuations moves on; runs of tasks, whose workers are killed in turn.
 * Messages, events and runs of tasks come until the schedule ends.
 */
export type Extra =
  | "bad messages"
  | "letters"
  | "schedules"
  | "wide runs"
  | "continuing runs"
  | "tasks";

/** How large a plan is. */
export interface PlanSize {
  readonly runs: number;
  readonly overMs: number;
  readonly fewestFaults: number;
  readonly mostFaults: number;
}

/** The size of each schedule of F2. */
export const USUAL_SIZE: PlanSize = { runs: 20, overMs: 1_500, fewestFaults: 3, mostFaults: 10 };

/** Points that work passes often; the others have a workload of their own (suite/every-point.ts). */
const BUSY_POINTS: readonly CrashPoint[] = [
  "rpc.received",
  "rpc.key.claimed",
  "rpc.done",
  "rpc.answer.kept",
  "rpc.answering",
  "rpc.responded",
  "transaction.written",
  "commit.sent",
  "commit.answered",
  "batch.folded",
  "batch.written",
  "batch.committed",
  "bus.delivered",
  "bus.routed",
  "bus.acked",
  "call.leased",
  "call.performing",
  "call.sent",
  "call.answered",
  "call.result.committed",
  "leases.renewed",
  "partitions.leased",
  "outbox.read",
  "outbox.sent",
  "outbox.acknowledged",
  "outbox.marked",
  "timers.found",
  "timers.fired",
];
/** Of tasks and their results. */
const TASK_POINTS: readonly CrashPoint[] = [
  "tasks.sending",
  "tasks.sent",
  "results.delivered",
  "results.committed",
  "results.acked",
];
const LATEST_TASK_HIT = 6;
/** Points behind which an answer is on its way. */
const ANSWER_POINTS: readonly CrashPoint[] = [
  "commit.sent",
  "commit.answered",
  "call.sent",
  "call.answered",
  "rpc.answering",
];
const MODES = ["kill", "kill", "stop", "throw", "delay", "lose"] as const;
const LATEST_HIT = 25;
const SHORTEST_MS = 100;
const LONGEST_MS = 2_500;
const NUMBERS = 100;
const CANCEL_WITHIN_MS = 400;
const PAUSED_PERCENT = 25;
const PAUSE_WITHIN_MS = 400;
const LONGEST_PAUSE_MS = 1_500;
/** Every event up to three times, out of order, 1 % never. */
export const CHAOS: ChaosSettings = { copies: 3, lateMs: 400, dropPercent: 1 };

/** The plan of a seed. */
export function planOf(seed: number, size: PlanSize = USUAL_SIZE): Plan {
  const random = randomNumbers(seed);
  const replicas = 2 + random.below(2);
  const points: PointFault[] = [];
  const timed: TimedFault[] = [];
  const faults = size.fewestFaults + random.below(size.mostFaults - size.fewestFaults + 1);
  for (let index = 0; index < faults; index += 1) {
    const replica = random.below(replicas);
    if (random.chance(50)) points.push({ replica, fault: pointFault(random) });
    else timed.push(timedFault(random, replica, size.overMs));
  }
  const begun = planRuns(random, size);
  const chaos = random.chance(40) ? CHAOS : CALM;
  const runs = pauseSome(random, begun);
  if (faults < size.mostFaults) points.push(taskFault(random, replicas));
  return {
    seed,
    replicas,
    runs,
    points,
    timed,
    chaos,
    extras: ["tasks"],
    pointsWithinMs: 0,
  };
}

/** Runs of every shape, begun within a time. */
export function planRuns(
  random: RandomNumbers,
  { runs, overMs }: Pick<PlanSize, "runs" | "overMs">,
): PlannedRun[] {
  const first = random.below(SHAPES.length);
  return Array.from({ length: runs }, (_, index) => ({
    shape: SHAPES[(first + index) % SHAPES.length] ?? "line",
    workspaceId: random.pick(WORKSPACES) ?? WORKSPACES[0],
    n: random.below(NUMBERS),
    atMs: random.below(overMs),
    cancelAfterMs: random.below(CANCEL_WITHIN_MS),
    askedTwice: random.chance(30),
  }));
}

/** Some of the runs are paused for a while. Its numbers are drawn last: a seed's other faults stay as they were. */
export function pauseSome(random: RandomNumbers, runs: readonly PlannedRun[]): PlannedRun[] {
  return runs.map((run) => {
    const isPaused = random.chance(PAUSED_PERCENT);
    const pause = {
      afterMs: random.below(PAUSE_WITHIN_MS),
      forMs: SHORTEST_MS + random.below(LONGEST_PAUSE_MS - SHORTEST_MS),
    };
    // Whoever sends an event does not know its run.
    return isPaused && run.shape !== "triggered" ? { ...run, pause } : run;
  });
}

/** Its numbers are drawn last, as those of the pauses. */
function taskFault(random: RandomNumbers, replicas: number): PointFault {
  const fault: PlannedFault = {
    point: random.pick(TASK_POINTS) ?? "tasks.sent",
    hit: 1 + random.below(LATEST_TASK_HIT),
    mode: random.pick(MODES.filter((mode) => mode !== "lose")) ?? "kill",
    ms: SHORTEST_MS + random.below(LONGEST_MS - SHORTEST_MS),
  };
  return { replica: random.below(replicas), fault };
}

function pointFault(random: RandomNumbers): PlannedFault {
  const mode = random.pick(MODES) ?? "kill";
  const points = mode === "lose" ? ANSWER_POINTS : BUSY_POINTS;
  return {
    point: random.pick(points) ?? "batch.written",
    hit: 1 + random.below(LATEST_HIT),
    mode,
    ms: SHORTEST_MS + random.below(LONGEST_MS - SHORTEST_MS),
  };
}

function timedFault(random: RandomNumbers, replica: number, overMs: number): TimedFault {
  return {
    kind: random.pick(TIMED_KINDS) ?? "kill",
    atMs: random.below(overMs),
    replica,
    forMs: SHORTEST_MS + random.below(LONGEST_MS - SHORTEST_MS),
  };
}
