/**
 * F1: a kill at every crash point, at its first and at its second visit.
 * Boundary: makes plans of three victims each. Points that a process passes once, at its start or its end, have worlds of
 * their own.
 */
import { setTimeout as delay } from "node:timers/promises";
import { CRASH_POINTS, type CrashPoint } from "../../../../src/process/crash-points.ts";
import { randomNumbers } from "../../random/random-numbers.ts";
import { describeError } from "../describe-error.ts";
import type { Plan, PointFault } from "../schedule/plan.ts";
import { planRuns } from "../schedule/plan.ts";
import { judge, renderInjected } from "../schedule/play.ts";
import { openWorkload } from "../workload/workload.ts";
import { startWorld } from "../world/world.ts";
import { calmPlan } from "./cases.ts";
import type { FaultLine } from "./fault-line.ts";
import { type Playing, playPlans } from "./play-plans.ts";

const LIFE_POINTS: ReadonlySet<CrashPoint> = new Set([
  "migrate.statement",
  "start.listening",
  "stop.begun",
]);
const VICTIMS = 3;
const REPLICAS = Array.from({ length: VICTIMS }, (_, replica) => replica);
const KILLS_OF_A_VICTIM = 2;
const ROUNDS = 3;
const SEED = 1_001;
const POINTS_WITHIN_MS = 12_000;
const LOOK_MS = 50;
/**
 * The sweep finds runs that nothing has continued for a while. It looks again each second until a continuation succeeds, so
 * each one fails on every replica until the victims are dead: a number of failures would be used up while they start again.
 */
const SWEPT: CrashPoint = "sweep.unfinished.page";
const SWEPT_WITHIN_MS = 25_000;
const EXTRAS = ["bad messages", "letters", "schedules", "wide runs"] as const;
const CONTINUING = ["continuing runs"] as const;
const TASKS = ["tasks"] as const;

interface Target {
  readonly point: CrashPoint;
  readonly hit: number;
}

/** Plays them; a point at which nothing could be killed is a violation. */
export async function killAtEveryPoint(playing: Playing): Promise<FaultLine> {
  const began = performance.now();
  const violations: string[] = [];
  let injected = 0;
  const lastSchedules = new Map<CrashPoint, string>();
  const points = CRASH_POINTS.filter((point) => !LIFE_POINTS.has(point));
  let left: Target[] = points.flatMap((point) => [
    { point, hit: 1 },
    { point, hit: 2 },
  ]);
  for (let round = 1; round <= ROUNDS && left.length > 0; round += 1) {
    const missed: Target[] = [];
    const plans = plansOf(left, SEED + 100 * round, round === 1 ? "one victim" : "every victim");
    await playPlans(
      {
        ...playing,
        onPlayed(plan, outcome) {
          const killed = outcome.injected.flatMap(({ what }) =>
            what.startsWith("kill at") ? [what] : [],
          );
          injected += killed.length;
          for (const target of missedOf(plan, killed)) {
            missed.push(target);
            lastSchedules.set(target.point, renderInjected(outcome.injected));
          }
          const what = plan.points.map(({ fault }) => `${fault.point}#${fault.hit}`).join(" ");
          violations.push(...outcome.violations.map((line) => `kill at ${what}: ${line}`));
          playing.onPlayed?.(plan, outcome);
        },
      },
      plans,
    );
    left = missed;
  }
  violations.push(
    ...left.map(({ point, hit }) => {
      const last = lastSchedules.get(point);
      return `nothing was killed at visit ${hit} of ${point}; what happened in its last schedule: ${last}`;
    }),
  );
  const life = await killAtLifePoints(playing).catch((error: unknown) => ({
    injected: 0,
    violations: [`points of a start or an end: ${describeError(error)}`],
  }));
  return {
    fault: "F1 kill at every crash point, visits 1 and 2",
    injected: injected + life.injected,
    violations: [...violations, ...life.violations],
    seconds: (performance.now() - began) / 1000,
  };
}

/** Which replicas die at a point. A lease may stay away from one victim; what it missed is every victim's. */
type Victims = "one victim" | "every victim";

function plansOf(targets: readonly Target[], seed: number, victims: Victims): Plan[] {
  const plans: Plan[] = [];
  const together = victims === "one victim" ? VICTIMS * KILLS_OF_A_VICTIM : 1;
  for (let first = 0; first < targets.length; first += together) {
    const points: PointFault[] = targets
      .slice(first, first + together)
      .flatMap(({ point, hit }, index) => {
        const fault = { point, hit, mode: "kill" } as const;
        // Both visits of a point are one victim's: its next process dies at the second one.
        const one = Math.floor(index / KILLS_OF_A_VICTIM);
        const replicas = victims === "one victim" ? [one] : REPLICAS;
        return replicas.map((replica) => ({ replica, fault }));
      });
    const hasTasks = points.some(({ fault }) => /^(tasks|results)\./.test(fault.point));
    const isSwept = points.some(({ fault }) => fault.point === SWEPT);
    plans.push({
      ...calmPlan(seed + plans.length, { runs: 18, overMs: 1_500 }),
      replicas: VICTIMS,
      points: isSwept ? [...points, ...failingContinuations()] : points,
      // Owners are asked, and reports come early, where events are lost and repeated.
      chaos: { copies: 2, lateMs: 100, dropPercent: 30 },
      extras: [...EXTRAS, ...(isSwept ? CONTINUING : []), ...(hasTasks ? TASKS : [])],
      pointsWithinMs: isSwept ? SWEPT_WITHIN_MS : POINTS_WITHIN_MS,
    });
  }
  return plans;
}

function failingContinuations(): PointFault[] {
  return REPLICAS.map((replica) => ({
    replica,
    fault: { point: "batch.folded", detail: "run_continued", hit: 1, mode: "throw", lasts: true },
  }));
}

/** Visits at which nothing was killed; two of the same point cannot be told apart by what was killed. */
function missedOf(plan: Plan, killed: readonly string[]): Target[] {
  const left = [...killed];
  const targets = new Map(
    plan.points.map(({ fault }) => [`${fault.mode} ${fault.point} ${fault.hit}`, fault]),
  );
  return [...targets.values()].flatMap(({ point, hit, mode }) => {
    if (mode !== "kill") return [];
    const index = left.indexOf(`kill at ${point}`);
    if (index < 0) return [{ point, hit }];
    left.splice(index, 1);
    return [];
  });
}

/** A start that dies while it migrates, twice, and when it listens; a graceful stop that dies. */
async function killAtLifePoints(
  playing: Playing,
): Promise<Pick<FaultLine, "injected" | "violations">> {
  const world = await startWorld({
    compiled: playing.compiled,
    seed: SEED,
    replicas: 1,
    faults: [{ point: "migrate.statement", hit: 1, mode: "kill" }],
  });
  try {
    const workload = await openWorkload(world);
    const [replica] = world.replicas;
    const { starts = 0 } = replica ?? {};
    await replica?.kill([{ point: "start.listening", hit: 1, mode: "kill" }]);
    // The second start dies when it is ready already: what is planned next is for the third one.
    while ((replica?.starts ?? 0) < starts + 2) await delay(LOOK_MS);
    await replica?.plan([{ point: "stop.begun", hit: 1, mode: "kill" }]);
    const work = workload.play(planRuns(randomNumbers(SEED), { runs: 9, overMs: 300 }), "life");
    await replica?.end();
    await work;
    const found = await judge(world, workload);
    for (const point of world.reports.reached) playing.reached.add(point);
    const killed = world.reports.happened.filter((fault) => fault.startsWith("kill at"));
    const missed = [...LIFE_POINTS].filter((point) => !killed.includes(`kill at ${point}`));
    return {
      injected: killed.length,
      violations: [...found, ...missed.map((point) => `nothing was killed at ${point}`)],
    };
  } finally {
    await world.stop();
  }
}
