/**
 * Applies reports of owners, approvers and governance, and bus events, to a step.
 * Boundary: fenced by id. A report on another attempt's object is late; a repeat changes nothing.
 */
import type { Draft } from "./draft.ts";
import type { ApprovalReport, ArrivedEvent, GovernanceReport, OwnerReport } from "./input.ts";
import { isLate, noteLate } from "./late.ts";
import type { Lookups } from "./lookups.ts";
import type { Reply } from "./outcome.ts";
import { isFinalReport } from "./owner-states.ts";
import { isFinalStep } from "./run.ts";
import { approvalDecided } from "./steps/approvals/approval.ts";
import { BEHAVIOURS } from "./steps/behaviours.ts";

/** An objective or delegation reported its state. */
export function ownerReported(
  draft: Draft,
  index: number,
  report: OwnerReport,
  lookups: Lookups,
): Reply {
  const row = draft.peek(index);
  const current = report.owner === "objective" ? row.objectiveId : row.delegationId;
  if (isLate(draft, index) || current !== report.id) {
    const tells = isFinalReport(report.state) && draft.state(index) !== "COMPLETED";
    return tells ? noteLate(draft, index) : { kind: "unchanged" };
  }
  BEHAVIOURS[draft.step(index).kind].ownerReported({ draft, index, lookups }, report);
  return { kind: "applied" };
}

/** An approval request was decided. */
export function approvalHeard(
  draft: Draft,
  index: number,
  report: ApprovalReport,
  lookups: Lookups,
): Reply {
  if (draft.state(index) === "COMPLETED") return { kind: "unchanged" };
  if (isLate(draft, index)) return noteLate(draft, index);
  return approvalDecided({ draft, index, lookups }, report);
}

/** A governance event that names a step. */
export function governanceHeard(draft: Draft, report: GovernanceReport, lookups: Lookups): Reply {
  const index = draft.graph.indexById.get(report.stepId);
  if (index === undefined || isFinalStep(draft.state(index)) || isLate(draft, index)) {
    return { kind: "unchanged" };
  }
  return BEHAVIOURS[draft.step(index).kind].governanceHeard({ draft, index, lookups }, report);
}

/** An event arrived that may end a wait. */
export function eventHeard(
  draft: Draft,
  index: number,
  event: ArrivedEvent,
  lookups: Lookups,
): Reply {
  if (isLate(draft, index)) return { kind: "unchanged" };
  return BEHAVIOURS[draft.step(index).kind].eventArrived({ draft, index, lookups }, event);
}
