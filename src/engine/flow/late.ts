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

/** The present attempt ends before its objects have. `endedId` is the one whose end ends the attempt, "" = none. */
export function noteLeftOpen(draft: Draft, index: number, endedId: string): void {
  const { objectiveId, delegationId, approvalRequestId, detail } = draft.rows.peek(index);
  if (detail.pendingEnd !== undefined) return;
  const { approvals = [] } = detail;
  const decided = approvals.filter(({ decision }) => decision !== "" && decision !== "escalated");
  const ended = new Set(["", endedId, ...decided.map(({ requestId }) => requestId)]);
  const requestIds = approvals.map(({ requestId }) => requestId);
  const ids = [objectiveId, delegationId, approvalRequestId, ...requestIds];
  addLeftOpen(draft, index, new Set(ids.filter((id) => !ended.has(id))));
}

/** A reply brings an object to a step that no longer waits for it: its end is late, too, and may have come before the reply. */
export function noteLateObject(draft: Draft, index: number, objectId: string): void {
  addLeftOpen(draft, index, new Set([objectId]));
  draft.learnedIds.push({ stepIndex: index, id: objectId });
}

/** Objects of earlier attempts whose ends are still noted; those of the latest one always are. */
const LEFT_OPEN_AT_MOST = 9;

function addLeftOpen(draft: Draft, index: number, ids: ReadonlySet<string>): void {
  if (ids.size === 0) return;
  const row = draft.rows.row(index);
  const others = (row.detail.leftOpen ?? []).filter((id) => !ids.has(id));
  const leftOpen = [...others, ...ids].slice(-Math.max(LEFT_OPEN_AT_MOST, ids.size));
  row.detail = { ...row.detail, leftOpen };
}

/** An object that no attempt waits for any more has ended: a line in the history, once. */
export function noteLateEnd(draft: Draft, index: number, objectId: string): Reply {
  return noteEnded(draft, index, objectId) ? noteLate(draft, index) : { kind: "unchanged" };
}

/** An object has ended: what comes of it later is a repeat. Gives whether it was left open. */
export function noteEnded(draft: Draft, index: number, objectId: string): boolean {
  const { leftOpen = [] } = draft.rows.peek(index).detail;
  if (!leftOpen.includes(objectId)) return false;
  const row = draft.rows.row(index);
  const { leftOpen: _, ...detail } = row.detail;
  const others = leftOpen.filter((id) => id !== objectId);
  row.detail = others.length === 0 ? detail : { ...detail, leftOpen: others };
  return true;
}

/** Adds one `ignored` line to the history; publishes nothing and counts no cost. */
export function noteLate(draft: Draft, index: number): Reply {
  draft.noteStep(index, draft.marks.state(index), { note: "ignored" });
  return { kind: "unchanged" };
}
