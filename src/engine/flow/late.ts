/** Late results: they are recorded and have no other effect. Pure. */
import type { Draft } from "../draft/draft.ts";
import type { Reply } from "../values/reply.ts";
import { isFinalStep } from "../values/run.ts";
import { isBetweenAttempts } from "../values/step-detail.ts";

/** Whether a result for this step is late: the step ended, or its run ended or is being compensated. */
export function isLate(draft: Draft, index: number): boolean {
  const state = draft.marks.state(index);
  if (state === "PENDING" || isFinalStep(state)) return true;
  const run = draft.run.state;
  if (draft.step(index).isCompensation) return run !== "COMPENSATING";
  return run !== "RUNNING" && run !== "PAUSED";
}

/** Whether another attempt of the step has begun, or waits to, or the step is held. */
export function isSuperseded(draft: Draft, index: number, attempt: number): boolean {
  const row = draft.rows.peek(index);
  return row.retryCount + 1 !== attempt || isBetweenAttempts(row.detail);
}

/** Attempts of a step whose late results are told from repeats. */
const UNANSWERED_AT_MOST = 9;

/** The present attempt ends without the result of its task: one that comes later is late, and no repeat. */
export function noteUnanswered(draft: Draft, index: number): void {
  const row = draft.rows.row(index);
  const attempts = [...(row.detail.unanswered ?? []), row.retryCount + 1];
  row.detail = { ...row.detail, unanswered: attempts.slice(-UNANSWERED_AT_MOST) };
}

/** A result of a task that is not open: a line in the history where its attempt had none, nothing where it is a repeat. */
export function noteLateResult(draft: Draft, index: number, attempt: number): Reply {
  const { unanswered = [] } = draft.rows.peek(index).detail;
  if (!unanswered.includes(attempt)) return { kind: "unchanged" };
  const row = draft.rows.row(index);
  row.detail = { ...row.detail, unanswered: unanswered.filter((each) => each !== attempt) };
  return noteLate(draft, index);
}

/** Adds one `ignored` line to the history; publishes nothing and counts no cost. */
export function noteLate(draft: Draft, index: number): Reply {
  draft.noteStep(index, draft.marks.state(index), { note: "ignored" });
  return { kind: "unchanged" };
}
