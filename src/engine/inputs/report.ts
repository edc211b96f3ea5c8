/**
 * TransitionStep: reports of agents, people and other services.
 * Boundary: refuses illegal moves by the table; a late call is OK and changes nothing.
 */
import type { Draft } from "../draft/draft.ts";
import { addCost } from "../flow/ending.ts";
import { isLate, isSuperseded, noteLate } from "../flow/late.ts";
import { findOtherDigest, namesDecided } from "../steps/approvals/approval.ts";
import { isTicketId } from "../steps/approvals/tickets.ts";
import { BEHAVIOURS } from "../steps/behaviours.ts";
import type { StepReport } from "../values/input.ts";
import type { Lookups } from "../values/lookups.ts";
import type { Reply } from "../values/reply.ts";
import type { StepRun, StepState } from "../values/run.ts";
import { isBetweenAttempts } from "../values/step-detail.ts";
import { failByHand } from "./order.ts";

/** Applies a caller's report to a step. */
export function stepReported(draft: Draft, report: StepReport, lookups: Lookups): Reply {
  const index = draft.graph.indexById.get(report.stepId);
  if (index === undefined) return unknownStep(draft, report);
  if (isOfAnother(draft, index, report)) return { kind: "unchanged" };
  const state = draft.marks.state(index);
  if (state === report.state) return sameState(draft, index, report);
  if (state === "PENDING") return illegal(report, state);
  if (isLate(draft, index)) return lateOrIllegal(draft, index, report, state);
  const row = draft.rows.peek(index);
  if (namesAnother(row, report) || namesDecided(row, report.approvalRequestId)) {
    return noteLate(draft, index);
  }
  const isHeld = row.detail.held !== undefined;
  if (isHeld && report.state === "RUNNING") return held(report, state);
  const digest = findOtherDigest(row, report.output);
  if (digest !== undefined) return otherDigest(report, state, digest);
  recordIds(draft, index, report);
  addCost(draft, index, report.costUsd);
  draft.noteReason(index, report.reason);
  const task = { draft, index, lookups };
  switch (report.state) {
    case "RUNNING":
      draft.moveStep(index, "RUNNING", {});
      break;
    case "WAITING":
      draft.moveStep(index, "WAITING", { op: "waiting" });
      break;
    case "COMPLETED":
      BEHAVIOURS[draft.step(index).kind].completedByHand(task, report);
      break;
    case "FAILED":
      if (isHeld) failByHand(draft, index, report.errorMessage);
      else BEHAVIOURS[draft.step(index).kind].failedByHand(task, report);
      break;
  }
  return { kind: "applied" };
}

/** Whether the report is about an attempt that is not under way; that of a held step has ended. */
function isOfAnother(draft: Draft, index: number, { attempt }: StepReport): boolean {
  if (attempt === undefined || !draft.marks.hasRow(index)) return false;
  return isSuperseded(draft, index, attempt);
}

function unknownStep(draft: Draft, report: StepReport): Reply {
  const message = `run ${draft.run.id} has no step ${report.stepId}`;
  return { kind: "refused", reason: "unknown_step", from: "", to: report.state, message };
}

function illegal(report: StepReport, from: StepState): Reply {
  const message = `step ${report.stepId} is ${from} and cannot become ${report.state}`;
  return { kind: "refused", reason: "illegal_move", from, to: report.state, message };
}

/** No attempt is there that could go on. */
function held(report: StepReport, from: StepState): Reply {
  const message = `step ${report.stepId} is held; RetryStep begins its next attempt`;
  return { kind: "refused", reason: "illegal_move", from, to: report.state, message };
}

function otherDigest(report: StepReport, from: StepState, digest: string): Reply {
  const message = `the digest ${digest} is not the digest of step ${report.stepId}'s request`;
  return { kind: "refused", reason: "illegal_move", from, to: report.state, message };
}

/** The same final state again, or no move at all: records ids that were not known yet. */
function sameState(draft: Draft, index: number, report: StepReport): Reply {
  if (isLate(draft, index)) return { kind: "unchanged" };
  if (!namesAnother(draft.rows.peek(index), report)) recordIds(draft, index, report);
  return { kind: "unchanged" };
}

function lateOrIllegal(draft: Draft, index: number, report: StepReport, state: StepState): Reply {
  const run = draft.run.state;
  const runIsOver = run === "COMPENSATING" || run === "FAILED" || run === "CANCELLED";
  const superseded = draft.marks.hasRow(index) && namesAnother(draft.rows.peek(index), report);
  if (runIsOver || state === "CANCELLED" || superseded) return noteLate(draft, index);
  return illegal(report, state);
}

const REPORTED_IDS = ["objectiveId", "delegationId", "approvalRequestId"] as const;

/** Whether the caller names another objective, delegation or approval than the step's current one. */
function namesAnother(row: StepRun, report: StepReport): boolean {
  const { superseded = [] } = row.detail;
  return REPORTED_IDS.some(
    (field) =>
      report[field] !== "" &&
      report[field] !== row[field] &&
      !isTicketId(row, report[field]) &&
      (row[field] !== "" || superseded.includes(report[field])),
  );
}

function recordIds(draft: Draft, index: number, report: StepReport): void {
  const row = draft.rows.peek(index);
  // Between two attempts no object is current. A recorded id would let a report on it end the next attempt.
  for (const field of isBetweenAttempts(row.detail) ? [] : REPORTED_IDS) {
    if (report[field] === "" || row[field] !== "" || isTicketId(row, report[field])) continue;
    draft.rows.row(index)[field] = report[field];
    draft.learnedIds.push({ stepIndex: index, id: report[field] });
  }
  if (report.agentId !== "") draft.rows.row(index).agentId = report.agentId;
  if (report.eventId !== "") draft.rows.row(index).eventId = report.eventId;
  if (report.notificationId !== "") draft.rows.row(index).notificationId = report.notificationId;
}
