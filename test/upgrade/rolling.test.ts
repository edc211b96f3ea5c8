/**
 * A rolling upgrade under load: the build before and this one side by side on one database, replaced one by one, one of
 * them back and forth again. No run may notice.
 */
import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startGuard } from "../../tools/parts/guard.ts";
import { until } from "../support/assertions/until.ts";
import { planRuns } from "../support/faults/schedule/plan.ts";
import { judge } from "../support/faults/schedule/play.ts";
import { SHAPES } from "../support/faults/workload/shapes.ts";
import { openWorkload } from "../support/faults/workload/workload.ts";
import { startWorld, type World } from "../support/faults/world/world.ts";
import { randomNumbers } from "../support/random/random-numbers.ts";
import { compileCommit, findEarlier } from "../support/upgrade/earlier-build.ts";

const SEED = 19;
/** The runs that begin while a stage is under way. */
const LOAD = { runs: 18, overMs: 2_000 };

/** A replica is replaced by a process of the build that the link names at that time. */
const STAGES: readonly {
  /** Part of its runs' keys. */
  readonly name: string;
  readonly build: "earlier" | "this";
  change(world: World): Promise<unknown>;
}[] = [
  { name: "the-earlier-build-alone", build: "earlier", change: untilMoving },
  { name: "a-new-replica-migrates", build: "this", change: (world) => world.resize(3) },
  { name: "the-first-is-replaced", build: "this", change: replace(0) },
  { name: "it-is-rolled-back", build: "earlier", change: replace(0) },
  { name: "and-forth-again", build: "this", change: replace(0) },
  { name: "the-second-is-replaced", build: "this", change: replace(1) },
  { name: "this-build-alone", build: "this", change: async () => {} },
];

/** Until runs of the earlier build are in all states. */
async function untilMoving(world: World): Promise<void> {
  await until(async () => {
    const rows = await world.rows("select distinct state from workflow_runs");
    return rows.length >= 3 || undefined;
  });
}

function replace(index: number): (world: World) => Promise<unknown> {
  return async ({ replicas }) => replicas[index]?.end();
}

it.each((await findEarlier()).map(({ name, commit }) => [name, commit] as const))(
  "%s and this build run side by side and lose no run",
  async (_name, commit) => {
    const guard = await startGuard("workflows-upgrade-");
    const earlier = await compileCommit(commit);
    const link = join(guard.folder, "main.mjs");
    const builds = { earlier: earlier.path, this: process.env.TEST_SERVICE ?? "" };
    const use = async (build: keyof typeof builds) => {
      await rm(link, { force: true });
      await symlink(builds[build], link);
    };
    await use("earlier");
    const world = await startWorld({ compiled: link, seed: SEED, replicas: 2 });
    try {
      // An earlier build may know no workers.
      const workload = await openWorkload(world, SHAPES);
      const random = randomNumbers(SEED);
      const playing: Promise<void>[] = [];
      for (const { name, build, change } of STAGES) {
        await use(build);
        playing.push(workload.play(planRuns(random, LOAD), name));
        await change(world);
      }
      await Promise.all(playing);
      expect(await judge(world, workload)).toEqual([]);
      expect(workload.known).toHaveLength(STAGES.length * LOAD.runs);
      expect(world.reports.errors).toEqual([]);
    } finally {
      await world.stop();
      await earlier.remove();
      await guard.release();
    }
  },
);
