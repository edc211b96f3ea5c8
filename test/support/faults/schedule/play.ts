/**
 * Plays a plan in a world: the work and the faults side by side, then an end of all faults, then the judgement.
 * Boundary: says what is wrong with the seed and the evidence; who counts it is the suite.
 */
import { setTimeout as delay } from "node:timers/promises";
import { verifyAll } from "../../../../tools/verify/verify-all.ts";
import { FREEZE_MS } from "../short-settings.ts";
import { findDifferences, untilQuiet } from "../workload/ends.ts";
import { startExtras } from "../workload/extras.ts";
import type { Workload } from "../workload/workload.ts";
import { CALM } from "../world/bus-chaos.ts";
import type { World } from "../world/world.ts";
import { inject, oneByOne } from "./inject.ts";
import type { Plan } from "./plan.ts";
import { stuckEvidence } from "./stuck.ts";

/** How a schedule ended. */
export interface Outcome {
  /** Faults that happened, such as `kill at batch.written` or `postgres restart`. */
  readonly injected: readonly string[];
  readonly violations: readonly string[];
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

/** Plays it; the world is calm again afterwards, unless something is violated. */
export async function play(
  world: World,
  workload: Workload,
  plan: Plan,
  options: JudgeOptions = {},
): Promise<Outcome> {
  await world.resize(plan.replicas);
  const before = world.reports.happened.length;
  world.chaos.set(plan.chaos);
  await Promise.all(
    world.replicas.map((replica, index) => {
      const faults = plan.points.filter((point) => point.replica === index);
      return faults.length === 0 ? undefined : replica.plan(faults.map(({ fault }) => fault));
    }),
  );
  const inTurn = oneByOne();
  const faults = Promise.all(plan.timed.map((fault) => inject(world, fault, inTurn)));
  const extras = await startExtras(world, workload, plan);
  const working = workload.play(plan.runs, `seed-${plan.seed}`);
  const allHappened = () => world.reports.happened.length - before >= plan.points.length;
  await Promise.race([Promise.all([faults, working]), delay(FAULTS_WITHIN_MS)]);
  await untilTrue(allHappened, plan.pointsWithinMs);
  // What is planned and did not come yet would come later, into another schedule.
  await Promise.all(world.replicas.map((replica) => replica.plan([])));
  await faults;
  world.chaos.set(CALM);
  await working;
  await extras.end();
  const violations = await judge(world, workload, options);
  workload.settle();
  const injected = [
    ...plan.timed.map(({ kind }) => kind),
    ...world.reports.happened.slice(before),
    ...(plan.chaos === CALM ? [] : ["events disturbed"]),
  ];
  return { injected, violations };
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
  if (!(await untilQuiet(world, workload, quietWithinMs))) {
    return [...workload.complaints, `it does not come to rest:\n${await stuckEvidence(world)}`];
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
    lateObjectsMs: FREEZE_MS + 3_000,
    maySkip: ["I12"],
    quiescent: true,
  });
  return reports.flatMap(({ invariant, violations }) =>
    violations.map((violation) => `${invariant}: ${violation}`),
  );
}
