/** Late results: they are recorded and have no other effect. Pure. */
import type { Draft } from "../draft/draft.ts";
import type { Reply } from "../values/reply.ts";
import { isFinalStep } from "../values/run.ts";

/** Whether a result for this step is late: the step ended, or its run ended or is being compensated. */
export function isLate(draft: Draft, index: number): boolean {
  const state = draft.marks.state(index);
  if (state === "PENDING" || isFinalStep(state)) return true;
  const run = draft.run.state;
  if (draft.step(index).isCompensation) return run !== "COMPENSATING";
  return run !== "RUNNING" && run !== "PAUSED";
}

/** Whether another attempt of the step has begun, or waits to. */
export function isSuperseded(draft: Draft, index: number, attempt: number): boolean {
  const row = draft.rows.peek(index);
  return row.retryCount + 1 !== attempt || row.detail.retrying === true;
}

/** Adds one `ignored` line to the history; publishes nothing and counts no cost. */
export function noteLate(draft: Draft, index: number): Reply {
  draft.noteStep(index, draft.marks.state(index), { note: "ignored" });
  return { kind: "unchanged" };
}
