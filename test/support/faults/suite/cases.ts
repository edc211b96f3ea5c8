/**
 * The faults that are plans: what each plays, and which of the faults that happened count for it.
 * Boundary: values; numbers are those of "each change" (docs/guarantees.md).
 */
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { randomNumbers } from "../../random/random-numbers.ts";
import {
  CHAOS,
  type Plan,
  type PlanSize,
  pauseSome,
  planOf,
  planRuns,
  type TimedFault,
  type TimedKind,
} from "../schedule/plan.ts";
import type { Injected } from "../schedule/play.ts";
import { CALM } from "../world/bus-chaos.ts";

/** One line of the suite that is made of plans. */
export interface PlansCase {
  readonly fault: string;
  readonly plans: readonly Plan[];
  /** For how many a fault that happened counts: 1 unless given. */
  readonly counts?: (injected: Injected) => number;
  /** Fewer injected faults than this are a violation: the suite did not test what it says. */
  readonly atLeast: number;
  readonly strictKeys?: { readonly keptMs: number };
  /** Further variables of the replicas. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A plan without faults; each case adds its own. */
export function calmPlan(seed: number, size: Pick<PlanSize, "runs" | "overMs">): Plan {
  const random = randomNumbers(seed);
  return {
    seed,
    replicas: 2,
    runs: pauseSome(random, planRuns(random, size)),
    points: [],
    timed: [],
    chaos: CALM,
    extras: [],
    pointsWithinMs: 0,
  };
}

const SOME_RUNS = { runs: 18, overMs: 3_000 };

/** `count` faults of one kind, evenly over a time. */
function every(
  kind: TimedKind,
  count: number,
  overMs: number,
  forMs: number,
  service?: TimedFault["service"],
): TimedFault[] {
  return Array.from({ length: count }, (_, index) => ({
    kind,
    atMs: Math.round((overMs * (index + 0.5)) / count),
    replica: index % 2,
    forMs,
    ...(service === undefined ? {} : { service }),
  }));
}

/** F2: seeds from `first`. */
export function randomSchedules(first: number, count: number): PlansCase {
  const plans = Array.from({ length: count }, (_, index) => planOf(first + index));
  const last = first + count - 1;
  return { fault: `F2 random schedules, seeds ${first} to ${last}`, plans, atLeast: 2 * count };
}

const postgresRestarts: PlansCase = {
  fault: "F3 postgres restarts under load, one in recovery",
  plans: [
    {
      ...calmPlan(3_001, { runs: 27, overMs: 6_000 }),
      timed: [
        ...every("postgres restart", 4, 6_000, 0),
        { kind: "postgres restart twice", atMs: 3_000, replica: 0, forMs: 0 },
      ],
    },
  ],
  atLeast: 5,
};

const NATS_KINDS: readonly TimedKind[] = [
  "nats kill",
  "nats freeze",
  "nats stream lost",
  "nats older stream",
  "nats consumers deleted",
  "nats gone",
];

const natsTroubles: PlansCase = {
  fault: "F5 nats: each kind of trouble",
  plans: NATS_KINDS.map((kind, index) => ({
    ...calmPlan(5_001 + index, SOME_RUNS),
    timed: [{ kind, atMs: 1_000, replica: 0, forMs: 2_000 }],
  })),
  atLeast: NATS_KINDS.length,
};

const CHAOS_RUNS = 200;

const busChaos: PlansCase = {
  fault: "F7 bus: events three times, shuffled, lost",
  plans: [{ ...calmPlan(7_001, { runs: CHAOS_RUNS, overMs: 12_000 }), chaos: CHAOS }],
  counts: ({ hits }) => hits,
  // Each run waits for an event at least.
  atLeast: CHAOS_RUNS,
};

/** A frozen replica wakes behind the end of its lease, in the middle of each of these: a replica each. */
const ZOMBIES: readonly (readonly CrashPoint[])[] = [
  ["batch.written", "commit.sent"],
  ["call.leased", "call.sent"],
  ["call.answered", "bus.delivered"],
  // One replica publishes for all of them, whichever it is.
  ["outbox.read", "outbox.read", "outbox.read"],
  ["outbox.sent", "outbox.sent", "outbox.sent"],
];

const zombies: PlansCase = {
  fault: "F9 replicas frozen for three leases",
  plans: ZOMBIES.map((points, index) => ({
    ...calmPlan(9_001 + index, SOME_RUNS),
    replicas: 3,
    points: points.map((point, replica) => ({
      replica,
      fault: { point, hit: 2, mode: "stop" as const },
    })),
    pointsWithinMs: 4_000,
  })),
  counts: ({ what }) => (what.startsWith("stop at") ? 1 : 0),
  atLeast: 8,
};

const OWNER_TROUBLES: readonly TimedKind[] = [
  "collaborator away",
  "collaborator slow",
  "collaborator loses answers",
  "collaborator hangs",
  "collaborator dies",
  "collaborator fails half",
  "collaborator flaps",
  "collaborator resets in answers",
];

/** Asked after the objectives, so that a trouble of theirs comes later and lasts longer. */
const LATER_SERVICES = ["agents", "approvals", "notifications", "governance"] as const;

function laterService(index: number) {
  return LATER_SERVICES[index % LATER_SERVICES.length] ?? "agents";
}

/** Its branches go by approval and governance. */
function deciding(plan: Plan): Plan {
  const runs = plan.runs.map((run) => ({ ...run, n: 50 + (run.n % 50) }));
  return { ...plan, runs };
}

const ownerTroubles: PlansCase = {
  fault: "F10 collaborators: each kind of trouble",
  plans: OWNER_TROUBLES.map((kind, index) => ({
    ...deciding(calmPlan(10_001 + index, SOME_RUNS)),
    timed: [
      { kind, service: "objectives", atMs: 300, replica: 0, forMs: 2_000 },
      { kind, service: laterService(index), atMs: 2_300, replica: 0, forMs: 4_000 },
    ],
  })),
  // All calls to a service that flaps may come while it is there.
  atLeast: 2 * OWNER_TROUBLES.length - 1,
};

/** Over HTTP/2 one connection has all calls: what breaks it breaks every call that is open. */
const ownersByGrpc: PlansCase = {
  fault: "F10 collaborators by gRPC: resets, kills",
  plans: [
    {
      ...calmPlan(10_201, { runs: 36, overMs: 3_000 }),
      timed: [
        ...every("collaborator resets in answers", 3, 2_400, 700, "objectives"),
        ...every("collaborator loses answers", 2, 2_400, 1_000, "agents"),
        ...every("kill", 2, 2_400, 0),
      ],
    },
  ],
  // The last resets find no call on a machine that is fast.
  atLeast: 5,
  environment: { COLLABORATOR_PROTOCOL: "grpc" },
};

const strictOwners: PlansCase = {
  fault: "F10 owners that keep keys strictly",
  plans: (["collaborator fails half", "collaborator dies"] as const).map((kind, index) => ({
    ...calmPlan(10_101 + index, SOME_RUNS),
    timed: [{ kind, atMs: 300, replica: 0, forMs: 1_500 }],
  })),
  atLeast: 2,
  strictKeys: { keptMs: 4_000 },
};

/** No other line begins as many runs a second. */
const load: PlansCase = {
  fault: "F17 load, with kills",
  plans: [{ ...calmPlan(17_001, { runs: 120, overMs: 6_000 }), timed: every("kill", 4, 6_000, 0) }],
  // The runs are the load.
  atLeast: 4,
};

const gracefulStops: PlansCase = {
  fault: "F21 graceful stops",
  plans: [
    {
      ...calmPlan(21_001, { runs: 27, overMs: 8_000 }),
      replicas: 3,
      timed: every("graceful stop", 10, 8_000, 0),
    },
  ],
  atLeast: 10,
};

const workers: PlansCase = {
  fault: "F24 workers: frozen, without NATS, without their stream",
  plans: [
    every("worker freeze", 2, 3_000, 0),
    every("nats kill", 1, 2_000, 1_000),
    every("nats task stream lost", 2, 3_000, 0),
    every("kill", 3, 3_000, 0),
  ].map(
    (timed, index): Plan => ({
      ...calmPlan(24_001 + index, { runs: 9, overMs: 3_000 }),
      timed,
      extras: ["tasks"],
    }),
  ),
  // A worker may be dead just when it is to be frozen.
  atLeast: 6,
};

/** All cases but F1 and F8, the long ones first. */
export const plansCases: readonly PlansCase[] = [
  randomSchedules(1, 20),
  randomSchedules(21, 20),
  zombies,
  ownerTroubles,
  ownersByGrpc,
  strictOwners,
  natsTroubles,
  busChaos,
  load,
  postgresRestarts,
  workers,
  gracefulStops,
];
