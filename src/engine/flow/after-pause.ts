/**
 * The rest of a resume, after the consequences of the steps that ended during the pause: first the timers that fell
 * due, then the starts of list children that were held back.
 * Boundary: one piece a call; advance.ts calls it while nothing else is left to do, so that the order is the same
 * however many transitions it takes.
 */

import type { Draft } from "../draft/draft.ts";
import { dueAt, stepDue, stepsDue } from "../inputs/timers.ts";
import { requireNextChildren, startNextChildren } from "../steps/child-runs/start.ts";
import { STEP_UNITS } from "../values/budget.ts";
import type { Lookups } from "../values/lookups.ts";
import { isFinalStep } from "../values/run.ts";
import { isBetweenAttempts } from "../values/step-detail.ts";
import { requireOpenChildren } from "./release.ts";

/** Fires the timer that fell due first, since the next one may depend on it. Without a due timer, starts children. */
export function goOnAfterPause(draft: Draft, lookups: Lookups): void {
  const index = nextDue(draft);
  if (index === undefined) {
    startChildren(draft);
    return;
  }
  const firedAtMs = dueAt(draft, index);
  stepDue(draft, index, lookups);
  if (draft.run.state !== "RUNNING") return;
  draft.work.isResuming = true;
  if (dueAt(draft, index) !== firedAtMs) listAgain(draft, index);
}

/** The due steps are listed once a transition: no step that begins has a timer that is due at once. */
function nextDue(draft: Draft): number | undefined {
  const { work } = draft;
  if (work.due === undefined) {
    work.due = stepsDue(draft);
    requireOpenChildren(draft, work.due);
  }
  const next = work.due.shift();
  if (next === undefined) work.due = undefined;
  return next;
}

/** A step whose next timer is due as well has another turn, at that timer's place. */
function listAgain(draft: Draft, index: number): void {
  const { due } = draft.work;
  const atMs = dueAt(draft, index);
  if (due === undefined || atMs > draft.nowMs || isFinalStep(draft.marks.state(index))) return;
  const isLater = (other: number) => {
    const otherAtMs = dueAt(draft, other);
    return otherAtMs > atMs || (otherAtMs === atMs && other > index);
  };
  const place = due.findIndex(isLater);
  due.splice(place < 0 ? due.length : place, 0, index);
}

function startChildren(draft: Draft): void {
  const open = draft.marks.openSteps();
  requireNextChildren(draft, open);
  for (const index of open) {
    draft.budget.spend(STEP_UNITS);
    if (!draft.budget.isSpent) startNextChildren(draft, index);
    else if (!isBetweenAttempts(draft.rows.peek(index).detail)) draft.work.begin(index);
  }
}
