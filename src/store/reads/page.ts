/** One page of a list and how many rows there are. Boundary: shared by every list. */
import { sql } from "drizzle-orm";

/** Lists count no further than this. */
export const COUNT_LIMIT = 10_000;

/** Rows of a page; `total` is exact to COUNT_LIMIT and COUNT_LIMIT beyond. */
export interface Page<Row> {
  readonly rows: Row[];
  readonly total: number;
}

/** Newest first, as the indexes of lists are sorted: with nulls in another place no index would serve. */
export const NEWEST_FIRST = [sql`"created_at" desc nulls last`, sql`"id" desc nulls last`] as const;
