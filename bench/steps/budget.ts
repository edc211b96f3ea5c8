/**
 * What a step may cost, and the verdict on what it did cost.
 * Boundary: pure. Values are judged as they are printed: whole bytes, tenths of a row (a commit's
 * own row in move_batches is shared by its runs and is a fiftieth of a row).
 */

import type { WireCounts } from "../parts/pg-messages.ts";

/** The most that a step may write. */
export interface Budget {
  readonly walBytes: number;
  readonly rows: number;
}

/** The most that a step may do in Postgres; no machine and no noise changes what it does. */
export type CountBudget = Pick<WireCounts, "statements" | "roundTrips" | "commits"> &
  Partial<Pick<WireCounts, "transactions" | "rowsRead">>;

/** A cost compared with its budget. */
export type Verdict = "ok" | "over" | "over twice";

/** Judges a cost; "over twice" is what fails a CI run. */
export function judge(cost: Budget, budget: Budget): Verdict {
  if (exceeds(cost, budget, 2)) return "over twice";
  return exceeds(cost, budget, 1) ? "over" : "ok";
}

/** The counts that are over their budget, in words; a hundredth is noise of the division. */
export function countsOver(counts: CountBudget, budget: CountBudget): string[] {
  const names = ["statements", "roundTrips", "commits", "transactions", "rowsRead"] as const;
  return names.flatMap((name) => {
    const [count = 0, most] = [counts[name], budget[name]];
    if (most === undefined || Math.round(count * 100) <= Math.round(most * 100)) return [];
    return [`${count.toFixed(2)} ${WORDS[name]}, over ${most}`];
  });
}

const WORDS = {
  statements: "statements",
  roundTrips: "round trips",
  commits: "commits",
  transactions: "transactions of several round trips",
  rowsRead: "rows read",
} as const;

function exceeds(cost: Budget, budget: Budget, times: number): boolean {
  const rows = Math.round(cost.rows * 10) / 10;
  return Math.round(cost.walBytes) > budget.walBytes * times || rows > budget.rows * times;
}
