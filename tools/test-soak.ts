/**
 * `npm run test:soak -- --minutes N [--seed S]`: random schedules in one world until the time is over. Ends with 1 when
 * something was violated, or when memory, open files or tables grew.
 *
 * Boundary: the first replica is never hurt, so that its growth can be seen.
 */
import { parseArgs } from "node:util";
import { type Plan, planOf } from "../test/support/faults/schedule/plan.ts";
import { brokenInvariants, play, renderInjected } from "../test/support/faults/schedule/play.ts";
import { SHORT_SETTINGS } from "../test/support/faults/short-settings.ts";
import { findGrowth } from "../test/support/faults/suite/flatness.ts";
import { startSampling } from "../test/support/faults/suite/soak-samples.ts";
import { openWorkload } from "../test/support/faults/workload/workload.ts";
import { startWorld } from "../test/support/faults/world/world.ts";
import { findTestFolder } from "./test-folder.ts";
import { compileService } from "./test-service.ts";

const DEFAULT_MINUTES = 10;
const MINUTE_MS = 60_000;
const SEEDS = 1_000_000_000;
const REPLICAS = 3;

const { values: options } = parseArgs({
  options: { minutes: { type: "string" }, seed: { type: "string" } },
});
process.exitCode = 1;
process.env.PARTS_FOLDER ??= await findTestFolder();
const minutes = Number(options.minutes ?? DEFAULT_MINUTES);
const firstSeed = Number(options.seed ?? Date.now() % SEEDS);
console.log(`seeds from ${firstSeed}, for ${minutes} minutes`);
const compiled = await compileService({
  entry: "test/support/faults/service-main.ts",
  edits: SHORT_SETTINGS,
});
try {
  if (await soak(compiled.path)) process.exitCode = 0;
} finally {
  await compiled.remove();
}

async function soak(path: string): Promise<boolean> {
  const world = await startWorld({ compiled: path, seed: firstSeed, replicas: REPLICAS });
  try {
    const workload = await openWorkload(world);
    const samples = startSampling(world);
    const until = performance.now() + minutes * MINUTE_MS;
    let injected = 0;
    let seed = firstSeed;
    for (; performance.now() < until; seed += 1) {
      // The history grows with the time, so that all of it is judged once, at the end.
      const outcome = await play(world, workload, sparingTheFirst(planOf(seed)), {
        invariants: false,
      });
      injected += outcome.injected.length;
      console.log(`seed ${seed}: ${renderInjected(outcome.injected)}`);
      for (const violation of outcome.violations) console.log(`VIOLATION ${violation}`);
      if (outcome.violations.length > 0) return false;
      await samples.take();
    }
    const quantities = samples.quantities();
    for (const { name, samples: taken } of quantities) {
      console.log(`${name}: ${taken.map((value) => value.toFixed(0)).join(" ")}`);
    }
    const violations = [...(await brokenInvariants(world, workload)), ...findGrowth(quantities)];
    for (const violation of violations) console.log(`VIOLATION ${violation}`);
    console.log(
      `${seed - firstSeed} schedules, ${injected} faults injected, ${violations.length} violations`,
    );
    return violations.length === 0;
  } finally {
    await world.stop();
  }
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
