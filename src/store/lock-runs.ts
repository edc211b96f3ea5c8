/**
 * Runs as a batch finds them, and their locks once the engine has worked.
 * Boundary: never waits for a lock; a run that is locked elsewhere, or has changed since it was read, is left out.
 * Invariant: whatever moves a run or its steps holds the lock of the run's row. So a run whose row has the version that
 * was read is as it was read. Rows of steps may have learned an id since: saveBatch compares the versions of those it
 * writes.
 */
import { selectList } from "./columns.ts";
import type { Queries, Statement, Tx } from "./database.ts";
import type { RunRow } from "./rows.ts";
import { workflowRuns } from "./schema/runs.ts";

/** A run's row, and which version of it was read. */
export type ReadRun = RunRow & { readonly rowVersion: string };

/** What readRuns gives. */
export interface ReadRuns {
  /** Runs that are not as they are known. */
  readonly rows: ReadRun[];
  /** Runs that are as they are known. */
  readonly unchanged: ReadonlySet<string>;
  /** Those of the calls that still wait for a result, of the same moment. */
  readonly openCalls: ReadonlySet<string>;
  /** The database's clock (epoch ms), not before any time in the rows. */
  readonly nowMs: number;
}

/** A run and the version of its row. */
export interface RunVersion {
  readonly runId: string;
  readonly rowVersion: string;
}

/** A step and the version of its row. */
export interface StepVersion extends RunVersion {
  readonly index: number;
}

/** What is known of a run; of one that is not known, the version is "". */
export interface KnownRun extends RunVersion {
  /** Versions of rows of steps that must be as they are known too. */
  readonly steps: readonly (readonly [stepIndex: number, rowVersion: string])[];
}

/** The database's clock (epoch ms). */
export const CLOCK = "floor(extract(epoch from clock_timestamp()) * 1000)::bigint";
// One row comes also where there is no run; the calls come with it alone. Of a run that is as it is known only the
// version comes.
const READ: Statement = {
  name: "read_runs",
  text: `with found as (
      select k.id as "runId", k.xmin::text as "rowVersion", ${selectList(workflowRuns, "r", ["inputPayload"])}
      from unnest($1::text[], $2::text[]) as v(id, version)
      join workflow_runs k on k.id = v.id
      left join lateral (select k.* where k.xmin::text <> v.version or v.id = any(array(
        select s.run_id from unnest($3::text[], $4::smallint[], $5::text[]) as w(run_id, step_index, version)
        join step_runs s on s.run_id = w.run_id and s.step_index = w.step_index
        where s.xmin::text <> w.version))) as r on true)
    select ${CLOCK} as "nowMs", found.*,
      case when row_number() over () = 1
        then array(select e.id from effects e where e.id = any($6::text[])) end as "openCalls"
    from (select 1) as one left join found on true`,
};
// Rows that changed since come with their new version, for a lock is taken on the newest one.
const LOCK: Statement = {
  name: "lock_runs",
  text: `select r.id as "runId", r.xmin::text as "rowVersion" from workflow_runs r
    where r.id = any($1::text[]) order by r.id for update skip locked`,
  withBegin: true,
};

type FoundRow = { nowMs: number; openCalls: string[] | null } & (
  | (ReadRun & { runId: string })
  | { runId: string | null; id: null }
);

/** Reads runs that exist, as far as they are not as they are known, which calls are open, and the clock. */
export async function readRuns(
  db: Queries,
  runs: readonly KnownRun[],
  callIds: readonly string[],
): Promise<ReadRuns> {
  const steps = runs.flatMap(({ runId, steps: known }) =>
    known.map(([index, rowVersion]) => ({ runId, index, rowVersion })),
  );
  const found = await db.query<FoundRow>(READ, [
    runs.map(({ runId }) => runId),
    runs.map(({ rowVersion }) => rowVersion),
    steps.map(({ runId }) => runId),
    steps.map(({ index }) => index),
    steps.map(({ rowVersion }) => rowVersion),
    callIds,
  ]);
  return {
    rows: found.flatMap((row) => (row.id === null ? [] : [row])),
    unchanged: new Set(
      found.flatMap(({ runId, id }) => (id === null && runId !== null ? [runId] : [])),
    ),
    openCalls: new Set(found.flatMap(({ openCalls }) => openCalls ?? [])),
    nowMs: Math.max(...found.map((row) => row.nowMs)),
  };
}

/** Locks, in id order, those of the runs that are as they were read and that no other transaction has locked. */
export async function lockRuns(tx: Tx, runs: readonly RunVersion[]): Promise<Set<string>> {
  if (runs.length === 0) return new Set();
  const ids = runs.map(({ runId }) => runId);
  const locked = await tx.query<{ runId: string; rowVersion: string }>(LOCK, [ids]);
  const read = new Map(runs.map(({ runId, rowVersion }) => [runId, rowVersion]));
  const same = locked.filter(({ runId, rowVersion }) => read.get(runId) === rowVersion);
  return new Set(same.map(({ runId }) => runId));
}
