/** ResumeRun: applies the consequences of what ended or fell due during the pause, in order. */
import type { Draft } from "../draft/draft.ts";
import type { Reply } from "../values/reply.ts";
import { touchTimers } from "./pause.ts";
import { refuseMove } from "./refused.ts";

/** PAUSED to RUNNING; a running run stays as it is. */
export function resumeRun(draft: Draft): Reply {
  const { state, unsettled } = draft.run;
  if (state === "RUNNING") return { kind: "unchanged" };
  if (state !== "PAUSED") return refuseMove("resume", state, "RUNNING");
  draft.moveRun("RUNNING", "resume");
  draft.run.unsettled = [];
  touchTimers(draft);
  draft.rows.require(unsettled);
  for (const index of unsettled) draft.work.settle({ index });
  // Steps that ended come before timers that fell due: a PARALLEL may have waited for such a step.
  draft.work.isResuming = true;
  return { kind: "applied" };
}
