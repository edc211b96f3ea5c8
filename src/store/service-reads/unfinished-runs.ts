/**
 * Runs with pending work that no transition has gone on with for a while.
 * Boundary: reads only; the time is the database's.
 */
import type { Queries, Statement } from "../database.ts";

/** A run with pending work, and whose it is: workspaces take turns in the processor. */
export type UnfinishedRun = { readonly runId: string; readonly workspaceId: string };

// `now()` and not `clock_timestamp()`: only a value that is fixed for the statement is looked up in an index.
const FIND: Statement = {
  name: "find_unfinished_runs",
  text: `select id as "runId", workspace_id as "workspaceId" from workflow_runs
    where continue_at <= now() order by continue_at limit $1`,
};

/** Those that have waited longest first. */
export function findUnfinished(db: Queries, limit: number): Promise<UnfinishedRun[]> {
  return db.query<UnfinishedRun>(FIND, [limit]);
}
