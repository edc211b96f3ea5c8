/**
 * The database's clock, for what has to be reckoned from outside of a statement.
 * Boundary: reads only; durations within the process are measured by its monotonic clock.
 */
import type { Queries, Statement } from "../database.ts";

const CLOCK: Statement = { name: "read_clock", text: 'select clock_timestamp() as "at"' };

/** The database's time. */
export async function readClock(db: Queries): Promise<Date> {
  const [row] = await db.query<{ at: Date }>(CLOCK, []);
  if (row === undefined) throw new Error("the query read_clock returned no row");
  return row.at;
}
