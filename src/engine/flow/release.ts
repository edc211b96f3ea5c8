/** Releases what an attempt holds elsewhere: cancels its objective, its child runs and its task. Pure. */
import type { Draft } from "../draft/draft.ts";
import { taskNameOf } from "../steps/worker-task/queue.ts";
import { noteLeftOpen, noteUnanswered } from "./late.ts";

/** Requires the rows to release several steps at once. */
export function requireOpenChildren(draft: Draft, indexes: readonly number[]): void {
  const parents = indexes.filter(
    (index) => draft.marks.hasRow(index) && (draft.rows.peek(index).detail.children?.open ?? 0) > 0,
  );
  draft.children.require(parents.map((step) => ({ kind: "open", step })));
}

/**
 * Requests the cancellation of the step's objective or task, if it has one, and of its open child runs. `endedId` is the object
 * whose end is the cause, "" = none.
 */
export function releaseAttempt(draft: Draft, index: number, reason: string, endedId = ""): void {
  if (!draft.marks.hasRow(index)) return;
  const { objectiveId, detail, retryCount } = draft.rows.peek(index);
  if (detail.children !== undefined && detail.children.open > 0) {
    for (const { attempt, child, runId } of draft.children.list({ kind: "open", step: index })) {
      // The end of an earlier attempt cancelled its children.
      if (attempt !== retryCount + 1) continue;
      draft.call(index, { kind: "cancel_run", runId, reason }, `-${attempt}-${child}`);
    }
  }
  if (detail.task !== undefined) {
    draft.tasks.cancel(taskNameOf(draft, index));
    noteUnanswered(draft, index);
  }
  noteLeftOpen(draft, index, endedId);
  // An attempt that waits only for its cost has ended: its objective has ended too, or was cancelled then.
  if (objectiveId === "" || detail.pendingEnd?.end !== undefined) return;
  draft.call(index, { kind: "cancel_objective", objectiveId, reason });
}
