/**
 * What a soak samples: memory and open files of a replica that lives through it, and how large the tables are.
 * Boundary: the replica's own word, /proc and Postgres' sizes. What is kept with runs is measured for each run; tables of
 * work that is under way must not grow at all.
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
/** The heap is judged. The pages of a process follow its busiest moment: they guard against what no heap shows. */
const HEAP_FLOOR_MIB = 15;
const RSS_FLOOR_MIB = 120;
const HANDLES_FLOOR = 16;
const WORK_FLOOR_MIB = 4;
const RUN_FLOOR_BYTES = 1_000;
const MARKS_FLOOR_MIB = 1;

/** Begins without a sample; of the first replica. */
export function startSampling(world: World): SoakSamples {
  const heap: number[] = [];
  const rss: number[] = [];
  const handles: number[] = [];
  const sizes: Sizes[] = [];
  const ofRun = (table: Exclude<keyof Sizes, "runs">): Quantity => ({
    name: `bytes of ${table} for a run`,
    floor: RUN_FLOOR_BYTES,
    samples: sizes.map((each) => each[table] / Math.max(1, each.runs)),
  });
  return {
    async take() {
      const [replica] = world.replicas;
      if (replica?.pid === undefined) return;
      heap.push((await replica.heapBytes()) / MIB);
      const status = await readFile(`/proc/${replica.pid}/status`, "utf8");
      rss.push(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024);
      handles.push((await readdir(`/proc/${replica.pid}/fd`)).length);
      sizes.push(...(await world.rows<Sizes>(SIZES)));
    },
    quantities: () => [
      { name: "heap of a replica (MiB)", floor: HEAP_FLOOR_MIB, samples: heap },
      { name: "pages of a replica (MiB)", floor: RSS_FLOOR_MIB, samples: rss },
      { name: "open files of a replica", floor: HANDLES_FLOOR, samples: handles },
      {
        name: "tables of open work (MiB)",
        floor: WORK_FLOOR_MIB,
        samples: sizes.map(({ work }) => work / MIB),
      },
      {
        name: "stream_marks (MiB)",
        floor: MARKS_FLOOR_MIB,
        samples: sizes.map(({ stream_marks: marks }) => marks / MIB),
      },
      ofRun("history"),
      ofRun("kept_events"),
      ofRun("caller_keys"),
      ofRun("run_starts"),
    ],
  };
}

/** Bytes of tables with their indexes. */
interface Sizes {
  readonly runs: number;
  readonly work: number;
  readonly history: number;
  readonly kept_events: number;
  readonly caller_keys: number;
  readonly run_starts: number;
  readonly stream_marks: number;
}

const SIZES = `select
  (pg_total_relation_size('effects') + pg_total_relation_size('partition_leases')
    + pg_total_relation_size('stream_acks') + pg_total_relation_size('early_reports') + pg_total_relation_size('failed_deliveries'))::float8 as work,
  (pg_total_relation_size('workflow_runs') + pg_total_relation_size('step_runs')
    + pg_total_relation_size('run_moves') + pg_total_relation_size('move_batches'))::float8 as history,
  pg_total_relation_size('kept_events')::float8 as kept_events,
  pg_total_relation_size('caller_keys')::float8 as caller_keys,
  pg_total_relation_size('run_starts')::float8 as run_starts,
  pg_total_relation_size('stream_marks')::float8 as stream_marks,
  (select count(*) from workflow_runs)::int as runs`;
