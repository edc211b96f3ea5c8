/**
 * Logs and counts conditions of edges and filters of waits that could not be evaluated. They count as false.
 * Boundary: reports after the commit; the engine goes on without them.
 */

import type { Log } from "../process/log.ts";
import { count } from "../process/metrics.ts";
import type { FoldedRun } from "./fold-run.ts";

/** An expression of a run's version that failed; `problem` names it. */
export interface FailedExpression {
  readonly runId: string;
  readonly of: "edge" | "wait";
  readonly problem: string;
}

/** What failed while these runs were folded. */
export function failedExpressionsOf(folded: readonly FoldedRun[]): FailedExpression[] {
  return folded.flatMap(({ draft }) =>
    [...draft.failedExpressions].map(([problem, of]) => ({ runId: draft.run.id, of, problem })),
  );
}

/** Logs and counts what failed. */
export function logFailed(log: Log, failed: readonly FailedExpression[]): void {
  for (const { of, ...facts } of failed) {
    count("workflows_filters_failed_total", { of });
    log.warn("a condition or filter could not be evaluated and counts as false", facts);
  }
}
