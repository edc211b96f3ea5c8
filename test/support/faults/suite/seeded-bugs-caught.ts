/**
 * The proof that the suite sees: each seeded bug with a schedule that catches it.
 * Boundary: a schedule that finds nothing in the build with the bug is a violation.
 */
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { compileService } from "../../../../tools/test-service.ts";
import { type Plan, planOf } from "../schedule/plan.ts";
import type { Outcome } from "../schedule/play.ts";
import { SEEDED_BUGS } from "../seeded-bugs.ts";
import { LONGER_LEASE, SHORT_SETTINGS } from "../short-settings.ts";
import { calmPlan } from "./cases.ts";
import type { FaultLine } from "./fault-line.ts";
import { playPlans } from "./play-plans.ts";

const AIMED_SEED = 12_001;
const AIMED_SIZE = { runs: 36, overMs: 3_000 };

/**
 * A number is the seed of a random schedule, found by `npm run test:faults -- --bug NAME`. Where a random schedule does
 * not catch its bug each time, a schedule is aimed at it.
 */
export const CAUGHT_BY: Readonly<Record<string, number | Plan>> = {
  "failed-condition-holds": 1,
  "triggers-of-every-workspace": 1,
  "retry-refusals": 1,
  "new-key-on-retry": 5,
  "acknowledge-before-commit": failing("bus.delivered"),
  "poll-outbox-by-last-id": failing("outbox.sent"),
  "accept-superseded-results": 14,
  "decide-by-the-process-clock": 1,
  "call-before-commit": failing("batch.written"),
  "forget-events-after-their-acknowledgement": 10,
  "leave-late-objectives-open": lateObjectives(),
};

/** Tests that catch a bug which schedules do not: a process that starts again claims again, and a caller's key hides a repeat. */
export const CAUGHT_BY_TEST: Readonly<Record<string, string>> = {
  "claim-calls-at-start-only": "test/faults/takes-over.test.ts",
  "repeat-a-commit-without-answer": "test/integration/runtime/processor.test.ts",
};

/** The work at this point fails, again and again. */
function failing(point: CrashPoint): Plan {
  const hits = Array.from({ length: 20 }, (_, index) => 2 + 3 * index);
  return {
    ...calmPlan(AIMED_SEED, AIMED_SIZE),
    points: [0, 1].flatMap((replica) =>
      hits.map((hit) => ({ replica, fault: { point, hit, mode: "throw" } as const })),
    ),
  };
}

/** The owner answers later than the steps wait. */
function lateObjectives(): Plan {
  const slow = { kind: "collaborator slow", replica: 0, forMs: 4_000 } as const;
  // All services in turn: the first one is that of the objectives.
  return { ...calmPlan(AIMED_SEED, AIMED_SIZE), timed: [{ ...slow, atMs: 0 }] };
}

/** With a bug many runs never end: no need to wait long for them. */
const QUIET_WITHIN_MS = 15_000;
const REPLAYS_AT_MOST = 3;

/** Plays the schedule of each bug on a build that has it. */
export async function replaySeededBugs(): Promise<FaultLine> {
  const began = performance.now();
  const violations: string[] = [];
  for (const [name, by] of Object.entries(CAUGHT_BY)) {
    const plan = typeof by === "number" ? planOf(by) : by;
    if (!(await isCaught(name, plan))) violations.push(`seed ${plan.seed} did not catch ${name}`);
  }
  const seconds = (performance.now() - began) / 1000;
  const injected = Object.keys(CAUGHT_BY).length;
  return { fault: "seeded bugs caught", injected, violations, seconds };
}

/** A schedule is the same each time, the machine is not. */
async function isCaught(name: string, plan: Plan): Promise<boolean> {
  const replays = Array.from({ length: REPLAYS_AT_MOST }, () => plan);
  return (await catchBug(name, replays)) !== undefined;
}

/** What caught a bug. */
export interface Catch {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** Plays schedules on a build with the bug until one finds something. */
export async function catchBug(name: string, plans: Iterable<Plan>): Promise<Catch | undefined> {
  const bug = SEEDED_BUGS.find((each) => each.name === name);
  if (bug === undefined) throw new Error(`${name} is no seeded bug`);
  const compiled = await compileService({
    entry: "test/support/faults/service-main.ts",
    edits: [
      ...SHORT_SETTINGS,
      ...(bug.name === "claim-calls-at-start-only" ? [LONGER_LEASE] : []),
      ...bug.edits,
    ],
  });
  try {
    const playing = {
      compiled: compiled.path,
      reached: new Set<CrashPoint>(),
      quietWithinMs: QUIET_WITHIN_MS,
    };
    for (const plan of plans) {
      let found: readonly string[] = [];
      const onPlayed = (_: Plan, { violations }: Outcome) => {
        found = violations;
      };
      await playPlans({ ...playing, onPlayed }, [plan]);
      if (found.length > 0) return { seed: plan.seed, violations: found };
    }
    return undefined;
  } finally {
    await compiled.remove();
  }
}
