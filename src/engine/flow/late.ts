/** Results that come too late: recorded, and nothing else. Pure. */
import type { Draft } from "../draft/draft.ts";
import type { Reply } from "../values/reply.ts";
import { isFinalStep } from "../values/run.ts";

/** Whether a result for this step comes too late: it ended, or its run did or is being undone. */
export function isLate(draft: Draft, index: number): boolean {
  const state = draft.marks.state(index);
  if (state === "PENDING" || isFinalStep(state)) return true;
  const run = draft.run.state;
  if (draft.step(index).isCompensation) return run !== "COMPENSATING";
  return run !== "RUNNING" && run !== "PAUSED";
}

/** One row of the history, `ignored`; nothing published, no cost. */
export function noteLate(draft: Draft, index: number): Reply {
  draft.noteStep(index, draft.marks.state(index), { note: "ignored" });
  return { kind: "unchanged" };
}
