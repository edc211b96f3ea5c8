/**
 * Deletes old marks of publishing: batches of moves that went out long ago.
 * Boundary: one page by the database's clock. A batch that is not published stays, however old it is.
 */
import type { Statement, Tx } from "./database.ts";

/** What a batch of marks did; `next` reads on, undefined at the end. */
export interface DroppedMarks {
  readonly marks: number;
  readonly next: number | undefined;
}

const OLD = "now() - make_interval(days => $1::integer)";

// Ids rise with time: a page that begins with a young batch is not read, and one that ends with a young batch is the last.
const DELETE_MARKS: Statement = {
  name: "delete_published_marks",
  text: `with first as materialized (
      select created_at from move_batches where id > $2::bigint order by id limit 1
    ), page as materialized (
      select id, ctid as at, published_at, created_at from move_batches
      where id > $2::bigint and (select created_at < ${OLD} from first) order by id limit $3::integer
    ), gone as (
      delete from move_batches
      where ctid = any(array(select at from page where published_at < ${OLD})) returning 1
    ), last as (
      select id from page where created_at < ${OLD} order by id desc limit 1
    )
    select (select count(*) from gone)::integer as marks, (select count(*) from page)::integer as seen,
      (select max(id) from page) as "lastId", (select id from last) as "lastOldId"`,
};

/** Deletes those of the next `limit` batches of moves that were published more than `days` ago. */
export async function dropMarks(
  tx: Tx,
  days: number,
  afterId: number,
  limit: number,
): Promise<DroppedMarks> {
  const [row] = await tx.query<{
    marks: number;
    seen: number;
    lastId: number | null;
    lastOldId: number | null;
  }>(DELETE_MARKS, [days, afterId, limit]);
  if (row === undefined) return { marks: 0, next: undefined };
  const { marks, seen, lastId, lastOldId } = row;
  const goesOn = seen === limit && lastId !== null && lastId === lastOldId;
  return { marks, next: goesOn ? lastId : undefined };
}
