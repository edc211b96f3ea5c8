/**
 * Starts of workflows that are archived or deleted, or have a limit that was not looked at: what a batch that has one comes to.
 * Boundary: the batch was not saved (store/save-fences.ts). The others of it come again.
 */
import { findClosed } from "../store/closed-workflows.ts";
import type { Database } from "../store/database.ts";
import { findRunLimits } from "../store/run-limits.ts";
import type { BatchItem, ItemResult } from "./batch-plan.ts";
import { closedRefusal } from "./closed-refusals.ts";
import type { LimitedWorkflows } from "./limited-workflows.ts";
import type { Submission } from "./submission.ts";
import type { BatchOutcome } from "./write-batch.ts";

/** Refuses the starts of the batch that may not begin, and learns which workflows have a limit. All others come again. */
export async function refuseClosed(
  { database, limited }: { database: Pick<Database, "write">; limited: LimitedWorkflows },
  items: readonly BatchItem[],
): Promise<BatchOutcome> {
  const { write } = database;
  const ids = items.flatMap(({ submission }) => startedId(submission) ?? []);
  const closed = await findClosed(write, [...new Set(ids)]);
  const starts = items.flatMap(({ submission }) =>
    submission.kind === "start" ? [submission.start.definitionId] : [],
  );
  limited.note((await findRunLimits(write, [...new Set(starts)])).keys());
  const results = items.map(({ submission }): ItemResult => {
    const id = startedId(submission) ?? "";
    const why = closed.get(id);
    return why === undefined
      ? { kind: "later" }
      : { kind: "failed", error: closedRefusal(id, why) };
  });
  const tasks = { wanted: [], cancelled: [], ended: [] };
  return {
    results,
    committed: { batches: [], calls: [], tasks, dueInMs: Number.POSITIVE_INFINITY },
    ...{ openedWaits: [], learnedIds: [], failedExpressions: [], unfinished: [] },
  };
}

/** The definition of a start that may be refused; undefined for others. */
function startedId(submission: Submission): string | undefined {
  if (submission.kind !== "start" || submission.start.rerun !== undefined) return undefined;
  return submission.start.definitionId;
}
