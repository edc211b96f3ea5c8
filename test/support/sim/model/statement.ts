/** What a statement of the model is: the same name and values as the store's, and the same rows back. */

import type { Tables } from "./rows.ts";
import type { ModelTransaction } from "./tables.ts";

/** Where a statement runs. */
export interface At {
  readonly tx: ModelTransaction;
  readonly tables: Tables;
  /** `clock_timestamp()`, to the millisecond. */
  readonly now: Date;
}

/** Gives the rows of a statement. As a method: each names the values that its statement has. */
export type ModelStatement = {
  run(at: At, values: readonly unknown[]): readonly object[] | Promise<readonly object[]>;
}["run"];

/** Statements by name. */
export type ModelStatements = Readonly<Record<string, ModelStatement>>;

/** Columns that stand beside each other: `unnest(a, b, …)`. */
export function zip<Row extends readonly unknown[]>(
  ...columns: { readonly [At in keyof Row]: readonly Row[At][] }
): Row[] {
  const [first = []] = columns;
  return first.map((_, place) => columns.map((column) => column[place]) as unknown as Row);
}

/** Order by a number or text. */
export function by<Row>(...keys: ((row: Row) => number | string)[]) {
  return (one: Row, other: Row): number => {
    for (const key of keys) {
      const [a, b] = [key(one), key(other)];
      if (a !== b) return a < b ? -1 : 1;
    }
    return 0;
  };
}
