/**
 * Between two attempts of a step: one has failed, and the next begins by the retry policy or when a caller says so.
 * Boundary: the step's row and what follows from it; whether another attempt is made is decided in ending.ts.
 */
import type { Draft } from "../draft/draft.ts";
import type { StepRun } from "../values/run.ts";
import type { StepDetail } from "../values/step-detail.ts";
import { retryDelayMs } from "./retry.ts";

/** The next attempt begins when the retry policy says, and no earlier than that, in ms. */
export function retry(draft: Draft, index: number, atLeastMs = 0): void {
  const { retryCount, runId } = draft.rows.peek(index);
  const delayMs = retryDelayMs(draft.step(index).retry, retryCount, `${runId}/${index}`);
  retryAt(draft, index, draft.nowMs + Math.max(delayMs, atLeastMs));
}

/** Between attempts a step is RUNNING, its retry count is raised and its ids are cleared. */
export function retryAt(draft: Draft, index: number, atMs: number): void {
  const row = draft.rows.row(index);
  row.retryCount += 1;
  draft.moveStep(index, "RUNNING", { op: "retrying" });
  endAttempt(row, { retrying: true });
  row.wakeAtMs = atMs;
  // A paused run begins the attempt at the resume, like any due timer.
  if (atMs <= draft.nowMs && draft.run.state !== "PAUSED") draft.work.begin(index);
}

/** WAITING with its error, and nothing but a caller or the end of the run ends that. */
export function hold(draft: Draft, index: number): void {
  const from = draft.marks.state(index);
  const facts = { op: "waiting", note: "held" } as const;
  if (from === "RUNNING") draft.moveStep(index, "WAITING", facts);
  else draft.noteStep(index, from, facts);
  const row = draft.rows.row(index);
  const { asked } = row.detail;
  endAttempt(row, { held: { sinceMs: draft.nowMs } });
  // People who mend it read what it asked for, as it was rendered.
  if (asked !== undefined) row.detail = { ...row.detail, asked };
}

/** The ids stay in the history, and a report that names one is late. */
function endAttempt(row: StepRun, next: Pick<StepDetail, "retrying" | "held">): void {
  row.detail = { ...next, ...keptByAttempts(row) };
  clearIds(row);
  delete row.timeoutAtMs;
  delete row.wakeAtMs;
  delete row.waitKey;
  delete row.waitEquals;
}

/** Clears the ids of the attempt that ended: the next attempt gets its own. */
export function clearIds(row: StepRun): void {
  row.objectiveId = "";
  row.agentId = "";
  row.delegationId = "";
  row.approvalRequestId = "";
  row.governanceDecision = "";
  row.eventId = "";
  row.notificationId = "";
}

/** The details of an attempt that its successor keeps. */
export function keptByAttempts(
  row: StepRun,
): Pick<StepDetail, "superseded" | "unanswered" | "leftOpen" | "children"> {
  const { children, unanswered, leftOpen } = row.detail;
  const kept = {
    superseded: supersededIds(row),
    ...(unanswered === undefined ? {} : { unanswered }),
    ...(leftOpen === undefined ? {} : { leftOpen }),
  };
  if (children === undefined) return kept;
  const { starting } = children;
  return { ...kept, children: { next: 0, open: 0, failed: 0, bytes: 0, starting } };
}

/** Ids of three attempts with three ids each, but always all ids of the latest attempt. */
const SUPERSEDED_IDS = 9;

/** Ids that mark a late report: those of earlier attempts, the attempt that just ended included. */
function supersededIds(row: StepRun): string[] {
  const own = [row.objectiveId, row.delegationId, row.approvalRequestId];
  const tickets = (row.detail.approvals ?? []).map(({ requestId }) => requestId);
  const ids = [...new Set([...own, ...tickets])].filter((id) => id !== "");
  return [...(row.detail.superseded ?? []), ...ids].slice(-Math.max(SUPERSEDED_IDS, ids.length));
}
