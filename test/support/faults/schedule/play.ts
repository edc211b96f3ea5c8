/**
 * Plays a plan in a world: the work and the faults side by side, then an end of all faults, then the judgement.
 * Boundary: says what is wrong with the seed and the evidence; who counts it is the suite.
 */
import { setTimeout as delay } from "node:timers/promises";
import { verifyAll } from "../../../../tools/verify/verify-all.ts";
import { describeError } from "../describe-error.ts";
import { FREEZE_MS } from "../short-settings.ts";
import { findDifferences, untilQuiet } from "../workload/ends.ts";
import { startExtras } from "../workload/extras.ts";
import type { Workload } from "../workload/workload.ts";
import { CALM } from "../world/bus-chaos.ts";
import { stuckEvidence } from "../world/stuck.ts";
import type { World } from "../world/world.ts";
import { inject, oneByOne } from "./inject.ts";
import type { Plan } from "./plan.ts";

/** A fault that happened. */
export interface Injected {
  /** Such as `kill at batch.written` or `postgres restart`. */
  readonly what: string;
  /** How many calls or events met it; 1 where it hits a process. */
  readonly hits: number;
}

/** How a schedule ended. */
export interface Outcome {
  readonly injected: readonly Injected[];
  readonly violations: readonly string[];
}

/** In words. */
export function renderInjected(injected: readonly Injected[]): string {
  return injected.map(({ what, hits }) => (hits === 1 ? what : `${what} (${hits})`)).join(", ");
}

/** How a schedule is judged. */
export interface JudgeOptions {
  /** How long the end of everything is waited for. */
  readonly quietWithinMs?: number;
  /** Whether the whole history so far is judged. */
  readonly invariants?: boolean;
}

const QUIET_WITHIN_MS = 45_000;
const LOOK_MS = 50;
const WAKES_WITHIN_MS = 500;
const FAULTS_WITHIN_MS = 30_000;

/**
 * Plays it; the world is calm again afterwards, unless something is violated. What is thrown is a violation, with the
 * evidence of the moment.
 */
export async function play(
  world: World,
  workload: Workload,
  plan: Plan,
  options: JudgeOptions = {},
): Promise<Outcome> {
  const before = world.reports.happened.length;
  const disturbed = world.chaos.disturbed;
  const timed: Injected[] = [];
  const violations = await guarded(world, "the schedule", async () => {
    const thrown = await work(world, workload, plan, timed);
    return [...thrown, ...(await judge(world, workload, options))];
  });
  workload.settle();
  const events = world.chaos.disturbed - disturbed;
  const injected = [
    ...timed,
    ...world.reports.happened.slice(before).map((what) => ({ what, hits: 1 })),
    ...(events === 0 ? [] : [{ what: "events disturbed", hits: events }]),
  ];
  return { injected, violations };
}

/** What was violated, or that it threw. */
async function guarded(
  world: World,
  what: string,
  doing: () => Promise<string[]>,
): Promise<string[]> {
  try {
    return await doing();
  } catch (error) {
    return [`${what} broke off: ${describeError(error)}\n${await stuckEvidence(world)}`];
  }
}

/** The runs, the faults and the extras side by side, until all of them are over. Gives what was thrown. */
async function work(
  world: World,
  workload: Workload,
  plan: Plan,
  timed: Injected[],
): Promise<string[]> {
  await world.resize(plan.replicas);
  world.chaos.set(plan.chaos);
  await Promise.all(
    world.replicas.map((replica, index) => {
      const faults = plan.points.filter((point) => point.replica === index);
      return faults.length === 0 ? undefined : replica.plan(faults.map(({ fault }) => fault));
    }),
  );
  const inTurn = oneByOne();
  const faults = Promise.all(
    plan.timed.map((fault) =>
      guarded(world, fault.kind, async () => {
        const hits = await inject(world, fault, inTurn);
        if (hits > 0) timed.push({ what: fault.kind, hits });
        return [];
      }),
    ),
  );
  const extras = startExtras(world, workload, plan);
  const working = workload.play(plan.runs, `seed-${plan.seed}`);
  const allHappened = () => world.replicas.every(({ awaits }) => awaits === 0);
  await Promise.race([Promise.all([faults, working]), delay(FAULTS_WITHIN_MS)]);
  await untilTrue(allHappened, plan.pointsWithinMs);
  // What is planned and did not come yet would come later, into another schedule.
  await Promise.all(world.replicas.map((replica) => replica.plan([])));
  const thrown = (await faults).flat();
  world.chaos.set(CALM);
  await working;
  await extras.end();
  return thrown;
}

async function untilTrue(isTrue: () => boolean, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  while (!isTrue() && performance.now() < until) await delay(LOOK_MS);
}

/** Waits for the end of everything; then what is wrong. */
export async function judge(
  world: World,
  workload: Workload,
  { quietWithinMs = QUIET_WITHIN_MS, invariants = true }: JudgeOptions = {},
): Promise<string[]> {
  await Promise.all(world.replicas.map((replica) => replica.ready()));
  const wereFrozen = world.replicas.some(({ isFrozen }) => isFrozen);
  await untilTrue(() => world.replicas.every(({ isFrozen }) => !isFrozen), 2 * FREEZE_MS);
  // What a replica does late, it does as it wakes.
  if (wereFrozen) await delay(WAKES_WITHIN_MS);
  const open = await untilQuiet(world, workload, quietWithinMs);
  if (open !== undefined) {
    const evidence = await stuckEvidence(world);
    return [...workload.complaints, `it does not come to rest: ${open}\n${evidence}`];
  }
  return [
    ...workload.complaints,
    ...(await findDifferences(world, workload)),
    ...(invariants ? await brokenInvariants(world, workload) : []),
  ];
}

/** What the history, the stream and the ledgers say of everything so far. */
export async function brokenInvariants({ servers, sandbox }: World, workload: Workload) {
  const reports = await verifyAll({
    databaseUrl: servers.databaseUrl,
    natsUrl: servers.natsUrl,
    ledgers: sandbox.ledgers,
    acknowledged: workload.known.flatMap(({ runId }) => (runId === undefined ? [] : [runId])),
    heldOpen: new Set(),
    // A frozen replica sends a call that it had leased when it wakes; such a call ends by its timeout.
    lateObjectsMs: FREEZE_MS + 4_000,
    maySkip: ["I12"],
    quiescent: true,
  });
  return reports.flatMap(({ invariant, violations }) =>
    violations.map((violation) => `${invariant}: ${violation}`),
  );
}
