/** Lets go of what an attempt holds outside: its objective, or its child runs, are asked to stop. Pure. */
import type { Draft } from "../draft/draft.ts";

/** Of several steps that are let go, asks for all rows that this needs. */
export function requireOpenChildren(draft: Draft, indexes: readonly number[]): void {
  const parents = indexes.filter(
    (index) => draft.marks.hasRow(index) && (draft.rows.peek(index).detail.children?.open ?? 0) > 0,
  );
  draft.children.require(parents.map((step) => ({ kind: "open", step })));
}

/** Asks the owner of the step's objective to cancel it, where one is known, and its open child runs likewise. */
export function releaseAttempt(draft: Draft, index: number, reason: string): void {
  if (!draft.marks.hasRow(index)) return;
  const { objectiveId, detail, retryCount } = draft.rows.peek(index);
  if (detail.children !== undefined && detail.children.open > 0) {
    for (const { attempt, child, runId } of draft.children.list({ kind: "open", step: index })) {
      // Those of earlier attempts were asked when their attempt ended.
      if (attempt !== retryCount + 1) continue;
      draft.call(index, { kind: "cancel_run", runId, reason }, `-${attempt}-${child}`);
    }
  }
  // An attempt of which only the cost is asked for has ended: its objective did too, or was asked to stop then.
  if (objectiveId === "" || detail.pendingEnd?.end !== undefined) return;
  draft.call(index, { kind: "cancel_objective", objectiveId, reason });
}
