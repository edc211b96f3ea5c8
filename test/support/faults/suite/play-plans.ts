/**
 * Plays plans one after the other in as few worlds as will do, for a world takes seconds to start.
 * Boundary: a world in which something was violated is given up; its evidence is in the violations.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { describeError } from "../describe-error.ts";
import type { Plan } from "../schedule/plan.ts";
import type { Outcome } from "../schedule/play.ts";
import { type JudgeOptions, play } from "../schedule/play.ts";
import { openWorkload, type Workload } from "../workload/workload.ts";
import { startWorld, type World } from "../world/world.ts";

/** What plans are played with. */
export interface Playing extends JudgeOptions {
  readonly compiled: string;
  /** Points that were reached anywhere are added. */
  readonly reached: Set<CrashPoint>;
  readonly strictKeys?: { readonly keptMs: number };
  /** Further variables of the replicas. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Hears of each plan that was played. */
  onPlayed?(plan: Plan, outcome: Outcome): void;
}

const PLANS_A_WORLD = 8;
const DAY_MS = 86_400_000;
/** The replica whose clock is wrong, in plans that have so many. */
const WRONG_CLOCK = 2;

/** Plays all of them; a plan whose world cannot be made, or breaks off, is violated. */
export async function playPlans(playing: Playing, plans: readonly Plan[]): Promise<void> {
  let stage: { world: World; workload: Workload; played: number } | undefined;
  const close = async () => {
    if (stage === undefined) return;
    for (const point of stage.world.reports.reached) playing.reached.add(point);
    await stage.world.stop();
    stage = undefined;
  };
  try {
    for (const plan of plans) {
      let outcome: Outcome;
      try {
        stage ??= await open(playing, plan);
        outcome = await play(stage.world, stage.workload, plan, playing);
        stage.played += 1;
      } catch (error) {
        outcome = { injected: [], violations: [`no world was made: ${describeError(error)}`] };
      }
      playing.onPlayed?.(plan, outcome);
      const isOver = (stage?.played ?? 0) >= PLANS_A_WORLD;
      if (outcome.violations.length > 0 || isOver) await close();
    }
  } finally {
    await close();
  }
}

async function open({ compiled, strictKeys, environment = {} }: Playing, { seed, replicas }: Plan) {
  const world = await startWorld({
    compiled,
    seed,
    replicas,
    ...(strictKeys === undefined ? {} : { strictKeys }),
    environment: (index) => ({
      ...environment,
      ...(index === WRONG_CLOCK ? wrongClock(seed) : {}),
    }),
  });
  try {
    return { world, workload: await openWorkload(world), played: 0 };
  } catch (error) {
    await world.stop();
    throw error;
  }
}

/** A day ahead or behind. */
function wrongClock(seed: number): Record<string, string> {
  const file = createRequire(import.meta.url).resolve("../../services/wrong-clock.mjs");
  return {
    NODE_OPTIONS: `--import ${pathToFileURL(file).href}`,
    CLOCK_OFF_BY_MS: String(seed % 2 === 0 ? DAY_MS : -DAY_MS),
  };
}
