/** One page of a list and how many rows there are. Boundary: shared by every list. */

/** Lists count no further than this. */
export const COUNT_LIMIT = 10_000;

/** Rows of a page; `total` is exact to COUNT_LIMIT and COUNT_LIMIT beyond. */
export interface Page<Row> {
  readonly rows: Row[];
  readonly total: number;
}
