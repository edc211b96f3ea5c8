/**
 * First statement of a batch: takes the runs' row locks and the database's clock.
 * Boundary: never waits for a lock; a run that is locked elsewhere is left out and asked for again.
 */
import { selectList } from "./columns.ts";
import type { Statement, Tx } from "./database.ts";
import type { RunRow } from "./rows.ts";
import { workflowRuns } from "./schema.ts";

/** What lockRuns gives: the rows it got, and the database's clock (epoch ms) after the last lock. */
export interface LockedRuns {
  readonly rows: RunRow[];
  readonly nowMs: number;
}

const CLOCK = "floor(extract(epoch from clock_timestamp()) * 1000)::bigint";
// The clock is read once a row, after the row's lock; without a row it still comes.
const LOCK: Statement = {
  name: "lock_runs",
  text: `with locked as (
      select ${selectList(workflowRuns, "r", ["inputPayload"])} from workflow_runs r
      where r.id = any($1::text[]) order by r.id for update skip locked)
    select ${CLOCK} as "nowMs", locked.* from (select 1) as one left join locked on true`,
};
const FIND: Statement = {
  name: "find_run_ids",
  text: "select id from workflow_runs where id = any($1::text[])",
};

/** Locks those of the runs that exist and that nobody else has locked, in id order. */
export async function lockRuns(tx: Tx, runIds: readonly string[]): Promise<LockedRuns> {
  const found = await tx.query<{ nowMs: number } & (RunRow | { id: null })>(LOCK, [runIds]);
  const nowMs = Math.max(...found.map((row) => row.nowMs));
  const rows = found.flatMap((row) => (row.id === null ? [] : [row]));
  return { rows, nowMs };
}

/** Which of these runs exist, locked or not. */
export async function findRunIds(tx: Tx, runIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<{ id: string }>(FIND, [runIds]);
  return new Set(rows.map((row) => row.id));
}
