/**
 * The proof that the suite sees: each seeded bug with the schedule, or the test, that catches it.
 * Boundary: caught means that the build with the bug shows the violation of this bug, and that the sound build shows none
 * in the same schedules with the same patience.
 */
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { compileService } from "../../../../tools/test-service.ts";
import { type Plan, planOf } from "../schedule/plan.ts";
import type { Outcome } from "../schedule/play.ts";
import { SEEDED_BUGS, type SeededBug } from "../seeded-bugs.ts";
import { LONGER_LEASE, SHORT_SETTINGS } from "../short-settings.ts";
import type { ShapeName } from "../workload/shapes.ts";
import { failsWith, type NamedTest } from "./bug-fails-test.ts";
import { calmPlan } from "./cases.ts";
import type { FaultLine } from "./fault-line.ts";
import { playCase } from "./play-case.ts";
import { type Playing, playPlans } from "./play-plans.ts";

/** Schedules of one world have seeds of their own: callers' keys are made of them. */
const AIMED_SEEDS = { "bus.delivered": 12_001, "outbox.sent": 12_002, "batch.written": 12_003 };
const LATE_SEED = 12_004;
const LOST_SEED = 12_005;
const UNANSWERED_SEED = 12_006;
/** Odd: the wrong clock is a day behind. */
const CANCEL_SEED = 12_007;
const UNSENT_SEED = 12_008;
const AIMED_SIZE = { runs: 36, overMs: 3_000 };
/** Few: each run asks for an objective a second, until the owner is quick again. */
const LATE_SIZE = { runs: 9, overMs: 500 };
/** The first visits of a kind of which there are few. */
const FIRST = [1, 2, 3, 4];
/** All visits in a row, so that the pieces of a batch fail as the batch does. */
const IN_A_ROW = Array.from({ length: 20 }, (_, index) => 1 + index);
/** What fails twice is tried again later and later: most visits go well. */
const NOW_AND_THEN = Array.from({ length: 20 }, (_, index) => 2 + 3 * index);

/** What a bug is caught by. */
interface Catching {
  /**
   * A number is the seed of a random schedule, found by `npm run test:faults -- --bug NAME`. Where it depends on a fault or
   * on a time whether the bug shows, a schedule is aimed at it.
   */
  readonly by: number | Plan;
  /** One of the violations must be this one. */
  readonly shows: RegExp;
}

/** The bugs that schedules catch. */
export const CAUGHT_BY: Readonly<Record<string, Catching>> = {
  "failed-condition-holds": { by: 1, shows: /\(branch\) ended as .*"never"/ },
  "triggers-of-every-workspace": { by: 1, shows: /^I9: .* its definition \S+ of / },
  "retry-refusals": {
    by: 1,
    shows: /^it does not come to rest: [\s\S]*\/refuse\/1\/create_objective/,
  },
  "new-key-on-retry": {
    by: lostAnswers(),
    // An object under another key than its call's; where it was made twice, one of the two is left open.
    shows: /^I2: objectives: \S+ was made under the key "\S+-0\.\d+"|^objective \S+ was left open/,
  },
  "acknowledge-before-commit": {
    by: failing("bus.delivered", FIRST, "SIPHON"),
    shows:
      /^it does not come to rest: (.* [1-9]\d* events without a run|[\s\S]*"wait_key":"siphon)/,
  },
  "poll-outbox-by-last-id": {
    by: failing("outbox.sent", NOW_AND_THEN),
    shows: /^it does not come to rest: .* [1-9]\d* unpublished batches/,
  },
  "accept-superseded-results": {
    by: lateObjectives(),
    // The history shows a result that moved its step, or an object in two attempts; the row keeps the last object.
    shows:
      /^I6: .* ((of attempt \d+ in|moved step \d+, which was in) attempt \d+|in attempt \d+, has \S+ of \S+)/,
  },
  // A clock that is a day behind dates the cancel a day before the objects that the run has.
  "decide-by-the-process-clock": {
    by: cancels(),
    shows: /^I5: .* made \d{8} ms after the run was cancelled/,
  },
  // A letter that comes before the commit is lost here, and a run that waits for it hides what was made for no run.
  "call-before-commit": {
    by: shaped(failing("batch.written", IN_A_ROW), "fan-out"),
    shows: /^I2: .* belongs to no step that began/,
  },
  "forget-events-after-their-acknowledgement": {
    by: lostStream(),
    shows: /^I4: .* was marked as published and is not in the stream/,
  },
  "forget-lost-tasks": { by: unsentTasks(), shows: /^it does not come to rest: [1-9]\d* runs/ },
  "leave-late-objectives-open": { by: lateObjectives(), shows: /^objective \S+ was left open/ },
};

/** Tests that catch a bug which schedules do not: a process that starts again claims again, and a caller's key hides a repeat. */
export const CAUGHT_BY_TEST: Readonly<Record<string, NamedTest>> = {
  "claim-calls-at-start-only": {
    file: "test/faults/takes-over.test.ts",
    name: "a call of a replica that was killed goes on within 30 s",
  },
  "repeat-a-commit-without-answer": {
    file: "test/integration/runtime/processor.test.ts",
    name: "whose answer is lost is found committed or not",
  },
};

/** The work at this point fails at these visits of each replica; visits with another detail than the given one go well. */
function failing(point: keyof typeof AIMED_SEEDS, hits: readonly number[], detail?: string): Plan {
  const fault = { point, mode: "throw", ...(detail === undefined ? {} : { detail }) } as const;
  return {
    ...calmPlan(AIMED_SEEDS[point], AIMED_SIZE),
    points: [0, 1].flatMap((replica) => hits.map((hit) => ({ replica, fault: { ...fault, hit } }))),
  };
}

/** All runs of the plan have this shape. */
function shaped(plan: Plan, shape: ShapeName): Plan {
  return { ...plan, runs: plan.runs.map((run) => ({ ...run, shape })) };
}

/** Steps wait for a second, and the owner answers after two: each answer is that of an attempt before. */
function lateObjectives(): Plan {
  const fault = { kind: "collaborator slow", service: "objectives", replica: 0 } as const;
  return {
    ...shaped(calmPlan(LATE_SEED, LATE_SIZE), "timeout"),
    timed: [{ ...fault, atMs: 0, forMs: 5_000 }],
  };
}

/** The owner makes what it is asked for, and its answers are lost: each call is sent again. */
function lostAnswers(): Plan {
  const fault = { kind: "collaborator loses answers", service: "objectives", replica: 0 } as const;
  return {
    ...calmPlan(UNANSWERED_SEED, AIMED_SIZE),
    timed: [{ ...fault, atMs: 0, forMs: 2_000 }],
  };
}

/** Callers cancel runs at three replicas in turn. The clock of one of them is wrong. */
function cancels(): Plan {
  return { ...shaped(calmPlan(CANCEL_SEED, AIMED_SIZE), "cancel"), replicas: 3 };
}

/** Each replica dies as it is about to send tasks that it has committed. */
function unsentTasks(): Plan {
  const fault = { point: "tasks.sending", mode: "kill" } as const;
  return {
    ...calmPlan(UNSENT_SEED, LATE_SIZE),
    points: [0, 1].flatMap((replica) =>
      [1, 2].map((hit) => ({ replica, fault: { ...fault, hit } })),
    ),
    extras: ["tasks"],
  };
}

/** The stream is lost when most events are in it. */
function lostStream(): Plan {
  const lost = { kind: "nats stream lost", atMs: 2_500, replica: 0, forMs: 0 } as const;
  return { ...calmPlan(LOST_SEED, AIMED_SIZE), timed: [lost] };
}

/** With a bug many runs never end: no need to wait long for them. */
const QUIET_WITHIN_MS = 15_000;

/** Plays the schedule of each bug on a build that has it, or its test. */
export async function replaySeededBugs(): Promise<FaultLine> {
  const began = performance.now();
  const violations: string[] = [];
  for (const name of Object.keys(CAUGHT_BY)) violations.push(...(await replay(name)));
  for (const [name, test] of Object.entries(CAUGHT_BY_TEST)) {
    if (!(await failsWith(findBug(name).edits, test))) {
      violations.push(`${name}: ${test.file} passes "${test.name}"`);
    }
  }
  const seconds = (performance.now() - began) / 1000;
  const injected = Object.keys({ ...CAUGHT_BY, ...CAUGHT_BY_TEST }).length - violations.length;
  return { fault: "bugs caught", injected, violations, seconds };
}

/** Once: a schedule that shows its bug only now and then proves little. */
async function replay(name: string): Promise<string[]> {
  const { by, shows } = CAUGHT_BY[name] ?? {};
  const plan = planFor(by);
  const { caught, missed } = await catchBug(name, [plan], shows);
  if (caught !== undefined) return [];
  const seen = missed.flatMap(({ violations }) => violations).join("\n");
  return [`seed ${plan.seed} does not show ${shows} with ${name}, but ${seen || "nothing"}`];
}

function planFor(by: number | Plan | undefined): Plan {
  return typeof by === "object" ? by : planOf(by ?? 0);
}

/** Plays each of these schedules on the sound build, with the same patience: what it shows is no bug's doing. */
export async function playControl(playing: Playing): Promise<FaultLine> {
  const plans = Object.values(CAUGHT_BY).map(({ by }) => planFor(by));
  const bySeed = new Map(plans.map((plan) => [plan.seed, plan]));
  const control = { fault: "bugs on the sound build", plans: [...bySeed.values()] };
  return playCase(
    { ...playing, quietWithinMs: QUIET_WITHIN_MS },
    { ...control, atLeast: control.plans.length },
  );
}

/** What a schedule shows in the build with a bug. */
interface Shown {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** What caught a bug, and the schedules before that showed something else. */
interface Search {
  readonly caught: Shown | undefined;
  readonly missed: readonly Shown[];
}

/** Plays schedules on a build with the bug until one shows this; any violation will do where it is not given. */
export async function catchBug(name: string, plans: Iterable<Plan>, shows = /^/): Promise<Search> {
  const { edits } = findBug(name);
  const longer = name === "claim-calls-at-start-only" ? [LONGER_LEASE] : [];
  const compiled = await compileService({
    entry: "test/support/faults/service-main.ts",
    edits: [...SHORT_SETTINGS, ...longer, ...edits],
  });
  const missed: Shown[] = [];
  try {
    const playing = {
      compiled: compiled.path,
      reached: new Set<CrashPoint>(),
      quietWithinMs: QUIET_WITHIN_MS,
    };
    for (const plan of plans) {
      let violations: readonly string[] = [];
      const onPlayed = (_: Plan, outcome: Outcome) => {
        violations = outcome.violations;
      };
      await playPlans({ ...playing, onPlayed }, [plan]);
      const shown = { seed: plan.seed, violations };
      if (violations.some((violation) => shows.test(violation))) return { caught: shown, missed };
      if (violations.length > 0) missed.push(shown);
    }
    return { caught: undefined, missed };
  } finally {
    await compiled.remove();
  }
}

function findBug(name: string): SeededBug {
  const bug = SEEDED_BUGS.find((each) => each.name === name);
  if (bug === undefined) throw new Error(`${name} is no seeded bug`);
  return bug;
}
