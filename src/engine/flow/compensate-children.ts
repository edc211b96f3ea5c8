/**
 * Compensates the child runs of a step: requests one compensation each, last child first, `max_parallel` at once.
 * Boundary: requests and counts. compensation.ts decides when a step's turn comes. Pure.
 * Invariants:
 * U1 No child is compensated while a start is in flight: that child would be missed.
 * U2 A child with nothing to compensate is done. The next CompensateRun retries a child whose compensation failed.
 */

import type { Draft } from "../draft/draft.ts";
import type { ChildPlace, ChildSet } from "../values/child-run.ts";
import { HAS_CHILDREN } from "../values/run.ts";
import type { ChildCounts, CompensationCounts } from "../values/step-detail.ts";

/** The place after every child of every attempt. */
const AFTER_ALL: ChildPlace = { attempt: 32_767, child: 2_147_483_647 };

/** Requires the rows of several steps whose children are to compensate. */
export function requireCompensable(draft: Draft, indexes: readonly number[], again: boolean): void {
  const sets = indexes.flatMap((index) => {
    const { children } = draft.rows.peek(index).detail;
    if (children === undefined || children.starting > 0) return [];
    return setToAsk(draft, index, beginning(children, again));
  });
  draft.children.require(sets);
}

/** Requests the next compensations; `again`: also of failed ones. Returns whether all children are compensated. */
export function compensateChildren(draft: Draft, index: number, again: boolean): boolean {
  const { children } = draft.rows.peek(index).detail;
  if (children !== undefined) {
    if (children.starting > 0) return false;
    const undo = askNext(draft, index, beginning(children, again));
    if (undo !== children.undo) setCounts(draft, index, { ...children, undo });
    if (undo.open > 0 || undo.stuck > 0) return false;
  }
  draft.marks.clearFlag(index, HAS_CHILDREN);
  return true;
}

/** Whether compensation of the step's children is requested, or waits for a start in flight. */
export function areBeingCompensated(draft: Draft, index: number): boolean {
  const { children } = draft.rows.peek(index).detail;
  return children !== undefined && (children.starting > 0 || (children.undo?.open ?? 0) > 0);
}

/** The compensation of one child ended. */
export function countCompensated(draft: Draft, index: number, isStuck: boolean): void {
  const { children } = draft.rows.peek(index).detail;
  if (children?.undo === undefined) return;
  const { undo } = children;
  const stuck = undo.stuck + (isStuck ? 1 : 0);
  setCounts(draft, index, { ...children, undo: { ...undo, open: undo.open - 1, stuck } });
}

/** Sets the counts of a step's children. */
export function setCounts(draft: Draft, index: number, children: ChildCounts): void {
  const row = draft.rows.row(index);
  row.detail = { ...row.detail, children };
}

function beginning({ undo }: ChildCounts, again: boolean): CompensationCounts {
  if (undo === undefined) return { ...AFTER_ALL, open: 0, stuck: 0, round: 1 };
  if (!again || undo.stuck === 0) return undo;
  return { ...AFTER_ALL, open: 0, stuck: 0, round: undo.round + 1 };
}

/** The rows of the next children, if any may be compensated now. */
function setToAsk(draft: Draft, step: number, undo: CompensationCounts): ChildSet[] {
  const limit = limitOf(draft, step);
  if (undo.open >= limit) return [];
  const { attempt, child, open } = undo;
  return [{ kind: "compensable", step, attempt, child, limit, least: limit - open }];
}

function limitOf(draft: Draft, index: number): number {
  return draft.step(index).children?.maxParallel ?? 1;
}

function askNext(draft: Draft, index: number, begun: CompensationCounts): CompensationCounts {
  let undo = begun;
  const rows = setToAsk(draft, index, undo).flatMap((set) => draft.children.list(set));
  for (const row of rows) {
    if (undo.open >= limitOf(draft, index)) break;
    const { attempt, child, runId } = row;
    draft.children.put({ ...row, state: "undoing" });
    const call = { kind: "compensate_run", runId, reason: "the parent's step is undone" } as const;
    draft.call(index, call, `-${undo.round}-${attempt}-${child}`);
    undo = { ...undo, attempt, child, open: undo.open + 1 };
  }
  return undo;
}
