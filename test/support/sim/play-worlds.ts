/** Worlds of many seeds, one after the other; a failure names its seed. */

import { VARYING } from "./versions.ts";
import { World } from "./world.ts";
import { planCalm, planWorld, type WorldPlan } from "./world-plan.ts";
import { countWorld, endOf, judgeWorld, type RunEnd } from "./world-rules.ts";

/** How often worlds came to something. */
export type Counts = Map<string, number>;

/** Ends of runs in worlds without troubles, by version. */
const calmEnds = new Map<string, RunEnd>();

/** Plays the world of a seed; gives its trace. Throws when a rule is broken, with the seed. */
export async function playWorld(seed: number, counts: Counts = new Map()): Promise<string> {
  const plan = planWorld(seed);
  for (const { version } of plan.runs) await learnCalm(version);
  if (plan.schedule !== undefined) await learnCalm(plan.schedule.version);
  const world = await play(plan, counts);
  return world.witness.trace;
}

async function learnCalm(version: string): Promise<void> {
  if (calmEnds.has(version) || VARYING.has(version)) return;
  const world = await play(planCalm(version), new Map());
  const runId = world.callers.runIds.get("k0") ?? "";
  const run = world.server.tables.runs.committed.get(runId);
  if (run === undefined) throw new Error(`a calm world has no run of ${version}`);
  calmEnds.set(version, endOf(world, run));
}

async function play(plan: WorldPlan, counts: Counts): Promise<World> {
  const world = new World(plan, counts);
  const isAtRest = await world.play();
  if (!isAtRest) world.broken(`the world does not come to rest: ${stuck(world)}`);
  judgeWorld(world, calmEnds);
  countWorld(world);
  const [fault] = world.faults;
  if (fault !== undefined) {
    const replay = `SIMULATION_SEED=${plan.seed} npm test -- test/simulation`;
    throw new Error(`seed ${plan.seed}: ${world.faults.join("\n")}\nagain: ${replay}`);
  }
  return world;
}

/** What is left to do, for people. */
function stuck(world: World): string {
  const { runs, effects, batches } = world.server.tables;
  const open = [...runs.committed.values()].filter(({ completedAt }) => completedAt === null);
  const left = [...batches.committed.values()].filter(({ publishedAt }) => publishedAt === null);
  const calls = [...effects.committed.values()].map(({ id, holder }) => `${id} (${holder})`);
  return [
    `runs ${open.map(({ id, state }) => `${id} ${state}`)}`,
    `calls ${calls}, batches ${left.map(({ id }) => id)}`,
    `messages ${world.bus.open}, callers ${world.callers.open}, at ${world.clock.nowMs} ms`,
  ].join("; ");
}
