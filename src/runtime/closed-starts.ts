/**
 * Starts of workflows that are archived or deleted, or have a limit that was not looked at: what a batch that has one comes to.
 * Boundary: the batch was not saved (store/save-fences.ts). The others of it come again.
 */
import { findClosed } from "../store/closed-workflows.ts";
import type { Database } from "../store/database.ts";
import { findRunLimits } from "../store/run-limits.ts";
import { findStarts } from "../store/run-starts.ts";
import type { BatchItem, ItemResult } from "./batch-plan.ts";
import { closedRefusal } from "./closed-refusals.ts";
import type { LimitedWorkflows } from "./limited-workflows.ts";
import { claimOf, findEarlier } from "./start-facts.ts";
import type { RunStart, Submission } from "./submission.ts";
import type { BatchOutcome } from "./write-batch.ts";

/**
 * Refuses the starts of the batch that may not begin, and learns which workflows have a limit. What has started a run before, and all others,
 * come again.
 */
export async function refuseClosed(
  { database, limited }: { database: Pick<Database, "write">; limited: LimitedWorkflows },
  items: readonly BatchItem[],
): Promise<BatchOutcome> {
  const { write } = database;
  const starts = items.flatMap(({ submission }) => mayBeRefused(submission) ?? []);
  const closed = await findClosed(write, [
    ...new Set(starts.map(({ definitionId }) => definitionId)),
  ]);
  const keyed = starts.filter(
    ({ definitionId, triggerEventId }) => closed.has(definitionId) && triggerEventId !== "",
  );
  const made = keyed.length === 0 ? [] : await findStarts(write, keyed.map(claimOf));
  const ids = items.flatMap(({ submission }) =>
    submission.kind === "start" ? [submission.start.definitionId] : [],
  );
  limited.note((await findRunLimits(write, [...new Set(ids)])).keys());
  const results = items.map(({ submission }): ItemResult => {
    const start = mayBeRefused(submission);
    const why = start === undefined ? undefined : closed.get(start.definitionId);
    if (start === undefined || why === undefined) return { kind: "later" };
    if (findEarlier(made, claimOf(start)) !== undefined) return { kind: "later" };
    return { kind: "failed", error: closedRefusal(start.definitionId, why) };
  });
  const tasks = { wanted: [], cancelled: [], ended: [] };
  return {
    results,
    committed: { batches: [], calls: [], tasks, dueInMs: Number.POSITIVE_INFINITY },
    ...{ openedWaits: [], learnedIds: [], failedExpressions: [], unfinished: [] },
  };
}

/** A start that may be refused; undefined for others. */
function mayBeRefused(submission: Submission): RunStart | undefined {
  if (submission.kind !== "start" || submission.start.rerun !== undefined) return undefined;
  return submission.start;
}
