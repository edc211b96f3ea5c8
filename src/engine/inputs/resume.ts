/** ResumeRun: what ended or fell due while the run was paused has its consequences now, in order. */
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
  // What ended comes before what fell due: it may be what the timer of a PARALLEL waited for.
  draft.work.isResuming = true;
  return { kind: "applied" };
}
