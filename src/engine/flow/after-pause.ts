/**
 * The rest of a resume, after the consequences of the steps that ended during the pause: first the timers that fell
 * due, then the starts of list children that were held back.
 * Boundary: one piece a call; advance.ts calls it while nothing else is left to do, so that the order is the same
 * however many transitions it takes.
 */

import type { Draft } from "../draft/draft.ts";
import { stepDue, stepsDue } from "../inputs/timers.ts";
import { requireNextChildren, startNextChildren } from "../steps/child-runs/behaviour.ts";
import { STEP_UNITS } from "../values/budget.ts";
import type { Lookups } from "../values/lookups.ts";
import { requireOpenChildren } from "./release.ts";

/** Fires the timer that fell due first, since the next one may depend on it. Without a due timer, starts children. */
export function goOnAfterPause(draft: Draft, lookups: Lookups): void {
  const due = stepsDue(draft);
  const [first] = due;
  if (first !== undefined) {
    requireOpenChildren(draft, due);
    stepDue(draft, first, lookups);
    draft.work.isResuming = draft.run.state === "RUNNING";
    return;
  }
  const open = draft.marks.openSteps();
  requireNextChildren(draft, open);
  for (const index of open) {
    draft.budget.spend(STEP_UNITS);
    if (!draft.budget.isSpent) startNextChildren(draft, index);
    else if (draft.rows.peek(index).detail.retrying !== true) draft.work.begin(index);
  }
}
