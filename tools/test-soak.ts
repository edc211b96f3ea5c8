/**
 * `npm run test:soak -- --minutes N [--seed S]`: random schedules in one world until the time is over. Ends with 1 when
 * something was violated, or when memory, open files or tables grew; with 2 when it is asked for what it has not.
 *
 * Boundary: the first replica is never hurt, so that its growth can be seen.
 */
import { type Plan, planOf } from "../test/support/faults/schedule/plan.ts";
import { brokenInvariants, play, renderInjected } from "../test/support/faults/schedule/play.ts";
import { SHORT_SETTINGS } from "../test/support/faults/short-settings.ts";
import { findGrowth, isJudged, type Quantity } from "../test/support/faults/suite/flatness.ts";
import { readOptions, readWholeNumber, WrongOption } from "../test/support/faults/suite/options.ts";
import { startSampling } from "../test/support/faults/suite/soak-samples.ts";
import { openWorkload } from "../test/support/faults/workload/workload.ts";
import { startWorld } from "../test/support/faults/world/world.ts";
import { findTestFolder } from "./test-folder.ts";
import { compileService } from "./test-service.ts";

const DEFAULT_MINUTES = 10;
const MINUTE_MS = 60_000;
const SEEDS = 1_000_000_000;
const REPLICAS = 3;

process.exitCode = 1;
// Each server and replica has a guard that listens for the end of this process.
process.setMaxListeners(0);
process.env.PARTS_FOLDER ??= await findTestFolder();
try {
  const options = readOptions(process.argv.slice(2), ["minutes", "seed"]);
  const minutes = readWholeNumber("minutes", options.minutes, { least: 1, other: DEFAULT_MINUTES });
  const seed = readWholeNumber("seed", options.seed, { least: 0, other: Date.now() % SEEDS });
  if (await soakCompiled(minutes, seed)) process.exitCode = 0;
} catch (error) {
  if (!(error instanceof WrongOption)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function soakCompiled(minutes: number, firstSeed: number): Promise<boolean> {
  console.log(`seeds from ${firstSeed}, for ${minutes} minutes`);
  const compiled = await compileService({
    entry: "test/support/faults/service-main.ts",
    edits: SHORT_SETTINGS,
  });
  try {
    return await soak(compiled.path, minutes, firstSeed);
  } finally {
    await compiled.remove();
  }
}

async function soak(path: string, minutes: number, firstSeed: number): Promise<boolean> {
  const world = await startWorld({ compiled: path, seed: firstSeed, replicas: REPLICAS });
  try {
    const workload = await openWorkload(world);
    const samples = startSampling(world);
    const until = performance.now() + minutes * MINUTE_MS;
    const violations: string[] = [];
    let injected = 0;
    let seed = firstSeed;
    for (; performance.now() < until && violations.length === 0; seed += 1) {
      // The history grows with the time, so that all of it is judged once, at the end.
      const outcome = await play(world, workload, sparingTheFirst(planOf(seed)), {
        invariants: false,
      });
      injected += outcome.injected.length;
      console.log(`seed ${seed}: ${renderInjected(outcome.injected)}`);
      violations.push(...outcome.violations);
      if (violations.length === 0) await samples.take();
    }
    if (violations.length === 0) violations.push(...(await brokenInvariants(world, workload)));
    violations.push(...judgeGrowth(samples.quantities()));
    for (const violation of violations) console.log(`VIOLATION ${violation}`);
    console.log(
      `${seed - firstSeed} schedules, ${injected} faults injected, ${violations.length} violations`,
    );
    return violations.length === 0;
  } finally {
    await world.stop();
  }
}

/** Prints the samples; what grew. */
function judgeGrowth(quantities: readonly Quantity[]): string[] {
  for (const { name, samples } of quantities) {
    console.log(`${name}: ${samples.map((value) => value.toFixed(0)).join(" ")}`);
  }
  const few = quantities.filter((quantity) => !isJudged(quantity));
  if (few.length > 0) {
    console.log(`flatness was not judged of: ${few.map(({ name }) => name).join(", ")}`);
  }
  return findGrowth(quantities);
}

function sparingTheFirst(plan: Plan): Plan {
  const other = (replica: number) => (replica === 0 ? 1 : replica);
  return {
    ...plan,
    replicas: REPLICAS,
    points: plan.points.map((point) => ({ ...point, replica: other(point.replica) })),
    timed: plan.timed.map((fault) => ({ ...fault, replica: other(fault.replica) })),
  };
}
