/** ResumeRun: what ended or fell due while the run was paused has its consequences now, in order. */
import { advance } from "../advance.ts";
import type { Draft } from "../draft.ts";
import type { Lookups } from "../lookups.ts";
import type { Reply } from "../outcome.ts";
import { requireOpenChildren } from "../release.ts";
import { requireNextChildren, startNextChildren } from "../steps/child-runs.ts";
import { stepDue, stepsDue } from "../timers.ts";
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
  const due = stepsDue(draft);
  requireOpenChildren(draft, due);
  for (const index of due) {
    stepDue(draft, index, lookups);
    // So may be what the next timer waited for.
    advance(draft, lookups);
  }
  requireNextChildren(draft, draft.openSteps());
  for (const index of draft.openSteps()) startNextChildren(draft, index);
  return { kind: "applied" };
}
