/** ResumeRun: what ended or fell due while the run was paused has its consequences now, in order. */
import { advance } from "../advance.ts";
import type { Draft } from "../draft.ts";
import type { Lookups } from "../lookups.ts";
import type { Reply } from "../outcome.ts";
import { requireOpenChildren } from "../release.ts";
import { requireNextChildren, startNextChildren } from "../steps/child-runs.ts";
import { dueAt, stepDue, stepsDue } from "../timers.ts";
import { touchTimers } from "./pause.ts";
import { refuseMove } from "./refused.ts";

/** PAUSED to RUNNING; a running run stays as it is. */
export function resumeRun(draft: Draft, lookups: Lookups): Reply {
  const { state, unsettled } = draft.run;
  if (state === "RUNNING") return { kind: "unchanged" };
  if (state !== "PAUSED") return refuseMove("resume", state, "RUNNING");
  draft.require(unsettled);
  draft.moveRun("RUNNING", "resume");
  draft.run.unsettled = [];
  touchTimers(draft);
  for (const index of unsettled) {
    const { ending, ...detail } = draft.row(index).detail;
    draft.row(index).detail = detail;
    draft.toSettle.push({ index, ending: ending ?? { kind: "dead" } });
  }
  // What ended comes before what fell due: it may be what the timer of a PARALLEL waited for.
  advance(draft, lookups);
  fireDue(draft, lookups);
  requireNextChildren(draft, draft.openSteps());
  for (const index of draft.openSteps()) startNextChildren(draft, index);
  return { kind: "applied" };
}

/** One after the other, a step's second timer in its own turn: each may be what the next one waited for. */
function fireDue(draft: Draft, lookups: Lookups): void {
  let due = stepsDue(draft);
  requireOpenChildren(draft, due);
  for (let index = due.shift(); index !== undefined; index = due.shift()) {
    const firedAt = dueAt(draft, index);
    stepDue(draft, index, lookups);
    advance(draft, lookups);
    if (dueAt(draft, index) > firedAt && dueAt(draft, index) <= draft.nowMs) due = stepsDue(draft);
  }
}
