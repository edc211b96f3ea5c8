/**
 * Undoing the child runs of a step: each is asked to compensate itself, the last one first, so many at a time as may run.
 * Boundary: asks and counts; when a step's turn comes is compensation.ts's. Pure.
 * Invariants:
 * U1 Nothing is undone while a start is under way: its child would be missed.
 * U2 A child that has nothing to undo is undone; one whose compensation failed is asked again by the next CompensateRun.
 */

import type { Draft } from "../draft/draft.ts";
import type { ChildPlace, ChildSet } from "../values/child-run.ts";
import { type ChildCounts, HAS_CHILDREN, type UndoCounts } from "../values/run.ts";

/** After every child of every attempt. */
const AFTER_ALL: ChildPlace = { attempt: 32_767, child: 2_147_483_647 };

/** Of several steps whose children are to undo, asks for all rows that this needs. */
export function requireUndoable(draft: Draft, indexes: readonly number[], again: boolean): void {
  const sets = indexes.flatMap((index) => {
    const { children } = draft.rows.peek(index).detail;
    if (children === undefined || children.starting > 0) return [];
    return setToAsk(draft, index, beginning(children, again));
  });
  draft.children.require(sets);
}

/** Asks the next children, again also those that failed to compensate. Whether the last one is undone. */
export function undoChildren(draft: Draft, index: number, again: boolean): boolean {
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

/** Whether children of the step are asked to compensate, or about to be. */
export function areBeingUndone(draft: Draft, index: number): boolean {
  const { children } = draft.rows.peek(index).detail;
  return children !== undefined && (children.starting > 0 || (children.undo?.open ?? 0) > 0);
}

/** The undoing of one child ended. */
export function countUndone(draft: Draft, index: number, isStuck: boolean): void {
  const { children } = draft.rows.peek(index).detail;
  if (children?.undo === undefined) return;
  const { undo } = children;
  const stuck = undo.stuck + (isStuck ? 1 : 0);
  setCounts(draft, index, { ...children, undo: { ...undo, open: undo.open - 1, stuck } });
}

/** Writes the numbers of a step's children. */
export function setCounts(draft: Draft, index: number, children: ChildCounts): void {
  const row = draft.rows.row(index);
  row.detail = { ...row.detail, children };
}

function beginning({ undo }: ChildCounts, again: boolean): UndoCounts {
  if (undo === undefined) return { ...AFTER_ALL, open: 0, stuck: 0, round: 1 };
  if (!again || undo.stuck === 0) return undo;
  return { ...AFTER_ALL, open: 0, stuck: 0, round: undo.round + 1 };
}

/** The rows of those that come next, if any may be asked now. */
function setToAsk(draft: Draft, step: number, undo: UndoCounts): ChildSet[] {
  const limit = limitOf(draft, step);
  if (undo.open >= limit) return [];
  const { attempt, child, open } = undo;
  return [{ kind: "undoable", step, attempt, child, limit, least: limit - open }];
}

function limitOf(draft: Draft, index: number): number {
  return draft.step(index).children?.maxParallel ?? 1;
}

function askNext(draft: Draft, index: number, begun: UndoCounts): UndoCounts {
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
