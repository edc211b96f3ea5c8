/**
 * What a step may cost, and the verdict on what it did cost.
 * Boundary: pure. Values are judged as they are printed: whole bytes, tenths of a row (a commit's
 * own row in move_batches is shared by its runs and is a fiftieth of a row).
 */

/** The most that a step may write. */
export interface Budget {
  readonly walBytes: number;
  readonly rows: number;
}

/** A cost compared with its budget. */
export type Verdict = "ok" | "over" | "over twice";

/** Judges a cost; "over twice" is what fails a CI run. */
export function judge(cost: Budget, budget: Budget): Verdict {
  if (exceeds(cost, budget, 2)) return "over twice";
  return exceeds(cost, budget, 1) ? "over" : "ok";
}

function exceeds(cost: Budget, budget: Budget, times: number): boolean {
  const rows = Math.round(cost.rows * 10) / 10;
  return Math.round(cost.walBytes) > budget.walBytes * times || rows > budget.rows * times;
}
