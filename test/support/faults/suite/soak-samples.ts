/**
 * What a soak samples: memory and open files of a replica that lives through it, and how large the tables are.
 * Boundary: /proc and Postgres' sizes. Rows of runs are kept, so their tables are measured for each run; tables of work
 * that is under way must not grow at all.
 */
import { readdir, readFile } from "node:fs/promises";
import type { World } from "../world/world.ts";
import type { Quantity } from "./flatness.ts";

/** All samples so far. */
export interface SoakSamples {
  take(): Promise<void>;
  quantities(): readonly Quantity[];
}

const MIB = 1024 * 1024;
const RSS_FLOOR_MIB = 40;
const HANDLES_FLOOR = 16;
const WORK_FLOOR_MIB = 4;
const RUN_FLOOR_BYTES = 1_000;

/** Begins without a sample; of the first replica. */
export function startSampling(world: World): SoakSamples {
  const rss: number[] = [];
  const handles: number[] = [];
  const work: number[] = [];
  const ofRun: number[] = [];
  return {
    async take() {
      const pid = world.replicas[0]?.pid;
      if (pid === undefined) return;
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      rss.push(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024);
      handles.push((await readdir(`/proc/${pid}/fd`)).length);
      const [sizes] = await world.rows<{ work: number; kept: number; runs: number }>(SIZES);
      if (sizes === undefined) return;
      work.push(sizes.work / MIB);
      ofRun.push(sizes.kept / Math.max(1, sizes.runs));
    },
    quantities: () => [
      { name: "memory of a replica (MiB)", floor: RSS_FLOOR_MIB, samples: rss },
      { name: "open files of a replica", floor: HANDLES_FLOOR, samples: handles },
      { name: "tables of open work (MiB)", floor: WORK_FLOOR_MIB, samples: work },
      { name: "bytes kept for a run", floor: RUN_FLOOR_BYTES, samples: ofRun },
    ],
  };
}

const SIZES = `select
  (pg_total_relation_size('effects') + pg_total_relation_size('partition_leases')
    + pg_total_relation_size('early_reports') + pg_total_relation_size('failed_deliveries'))::float8 as work,
  (pg_total_relation_size('workflow_runs') + pg_total_relation_size('step_runs')
    + pg_total_relation_size('run_moves') + pg_total_relation_size('move_batches'))::float8 as kept,
  (select count(*) from workflow_runs)::int as runs`;
