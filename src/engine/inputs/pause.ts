/** PauseRun: starts nothing new. Work in flight may end; its consequences wait for the resume. */
import type { Draft } from "../draft/draft.ts";
import type { Reply } from "../values/reply.ts";
import { refuseMove } from "./refused.ts";

/** RUNNING to PAUSED; a paused run stays as it is. */
export function pauseRun(draft: Draft, reason: string): Reply {
  const { state } = draft.run;
  if (state === "PAUSED") return { kind: "unchanged" };
  if (state !== "RUNNING") return refuseMove("pause", state, "PAUSED");
  draft.moveRun("PAUSED", "pause", reason);
  touchTimers(draft);
  return { kind: "applied" };
}

/** Rewrites the open steps that have a timer: their place in the timer index depends on the run's state. */
export function touchTimers(draft: Draft): void {
  const open = draft.marks.openSteps();
  draft.rows.require(open);
  for (const index of open) {
    const { timeoutAtMs, wakeAtMs } = draft.rows.peek(index);
    if (timeoutAtMs !== undefined || wakeAtMs !== undefined) draft.rows.row(index);
  }
}
