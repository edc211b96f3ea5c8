/** ResumeRun: what ended or fell due while the run was paused has its consequences now, in order. */
import { advance } from "../advance.ts";
import type { Draft } from "../draft.ts";
import type { Lookups } from "../lookups.ts";
import type { Reply } from "../outcome.ts";
import { requireOpenChildren } from "../release.ts";
import { requireNextChildren, startNextChildren } from "../steps/child-runs/behaviour.ts";
import { dueAt, stepDue, stepsDue } from "../timers.ts";
import { touchTimers } from "./pause.ts";
import { refuseMove } from "./refused.ts";

/** PAUSED to RUNNING; a running run stays as it is. */
export function resumeRun(draft: Draft, lookups: Lookups): Reply {
  const { state, unsettled } = draft.run;
  if (state === "RUNNING") return { kind: "unchanged" };
  if (state !== "PAUSED") return refuseMove("resume", state, "RUNNING");
  draft.moveRun("RUNNING", "resume");
  draft.run.unsettled = [];
  touchTimers(draft);
  draft.require(unsettled);
  for (const index of unsettled) draft.toSettle.push({ index });
  // What ended comes before what fell due: it may be what the timer of a PARALLEL waited for.
  advance(draft, lookups);
  fireDue(draft, lookups);
  requireNextChildren(draft, draft.openSteps());
  for (const index of draft.openSteps()) {
    if (!draft.isSpent) startNextChildren(draft, index);
    else if (goesOn(draft, index)) draft.toBegin.push(index);
  }
  return { kind: "applied" };
}

/** Whether a step has child runs to start later: no attempt that waits for its retry has, nor one that has timed out. */
function goesOn(draft: Draft, index: number): boolean {
  const { timeoutAtMs = Infinity, detail } = draft.peek(index);
  return detail.retrying !== true && timeoutAtMs > draft.nowMs;
}

/** One after the other, a step's second timer in its own turn: each may be what the next one waited for. */
function fireDue(draft: Draft, lookups: Lookups): void {
  let due = stepsDue(draft);
  requireOpenChildren(draft, due);
  // What the budget does not allow any more falls due in the running run.
  for (let index = due.shift(); index !== undefined && !draft.isSpent; index = due.shift()) {
    const firedAt = dueAt(draft, index);
    stepDue(draft, index, lookups);
    advance(draft, lookups);
    if (dueAt(draft, index) > firedAt && dueAt(draft, index) <= draft.nowMs) due = stepsDue(draft);
  }
}
