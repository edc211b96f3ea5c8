/**
 * Whether the database takes writes, and for how long the oldest event of the outbox has waited.
 * Boundary: reads only, in one statement that costs as much with a large backlog as without one.
 */
import type { Queries, Statement } from "../database.ts";

/** The result of one read. */
export interface DatabaseState {
  readonly readOnly: boolean;
  /** 0 where no event waits. */
  readonly waitingMs: number;
}

// The first row of each partition, by the order of the index of unpublished batches; a partition without one finds the
// next partition's, which changes no minimum.
const STATE: Statement = {
  name: "database_state",
  text: `select current_setting('transaction_read_only') = 'on' as "readOnly",
      coalesce((
        select extract(epoch from clock_timestamp() - min(first.created_at))::float8 * 1000
        from generate_series(0, $1::integer - 1) as p
        cross join lateral (
          select b.created_at from move_batches b
          where b.published_at is null and b.partition >= p
          order by b.partition, b.id limit 1) as first), 0) as "waitingMs"`,
};

/** The state now. */
export async function readDatabaseState(db: Queries, partitions: number): Promise<DatabaseState> {
  const [row] = await db.query<{ readOnly: boolean; waitingMs: number }>(STATE, [partitions]);
  if (row === undefined) throw new Error("the query database_state returned no row");
  return row;
}
