/**
 * Runs with pending work that no transition has gone on with for a while.
 * Boundary: reads only; the time is the database's.
 */
import type { Queries, Statement } from "../database.ts";

// `now()` and not `clock_timestamp()`: only a value that is fixed for the statement is looked up in an index.
const FIND: Statement = {
  name: "find_unfinished_runs",
  text: `select id from workflow_runs where continue_at <= now() order by continue_at limit $1`,
};

/** Their ids, those that have waited longest first. */
export async function findUnfinished(db: Queries, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(FIND, [limit]);
  return rows.map(({ id }) => id);
}
