/**
 * Applies reports of owners, approvers and governance, and bus events, to a step.
 * Boundary: fenced by id. A report on another attempt's object is late; a repeat changes nothing.
 * Invariant: a report with `ifCurrent` is applied, or it leaves nothing. Who submits it looks for its step in the database then.
 */
import type { Draft } from "../draft/draft.ts";
import { isLate, noteLateEnd } from "../flow/late.ts";
import { approvalDecided, isAwaited } from "../steps/approvals/approval.ts";
import { findTicket } from "../steps/approvals/tickets.ts";
import { BEHAVIOURS } from "../steps/behaviours.ts";
import type { ArrivedEvent, GovernanceReport, Input } from "../values/input.ts";
import type { Lookups } from "../values/lookups.ts";
import { isResult } from "../values/owner-states.ts";
import type { Reply } from "../values/reply.ts";
import { isFinalStep } from "../values/run.ts";

type InputOf<Kind extends Input["kind"]> = Extract<Input, { readonly kind: Kind }>;

/** An objective or delegation reported its state. */
export function ownerReported(
  draft: Draft,
  { stepIndex: index, report, ifCurrent }: InputOf<"owner_reported">,
  lookups: Lookups,
): Reply {
  const row = draft.rows.peek(index);
  const current = report.owner === "objective" ? row.objectiveId : row.delegationId;
  if (isLate(draft, index) || current !== report.id) {
    if (ifCurrent === true || !isResult(report.state)) return { kind: "unchanged" };
    return noteLateEnd(draft, index, report.id);
  }
  BEHAVIOURS[draft.step(index).kind].ownerReported({ draft, index, lookups }, report);
  return { kind: "applied" };
}

/** An approval request was decided. */
export function approvalReported(
  draft: Draft,
  { stepIndex: index, report, ifCurrent }: InputOf<"approval_decided">,
  lookups: Lookups,
): Reply {
  if (isLate(draft, index) || findTicket(draft.rows.peek(index), report.requestId) === undefined) {
    const isEnd = ifCurrent !== true && report.decision !== "ESCALATED";
    return isEnd ? noteLateEnd(draft, index, report.requestId) : { kind: "unchanged" };
  }
  if (ifCurrent === true && !isAwaited(draft.rows.peek(index), report)) {
    return { kind: "unchanged" };
  }
  return approvalDecided({ draft, index, lookups }, report);
}

/** A governance event that names a step. */
export function governanceReported(
  draft: Draft,
  report: GovernanceReport,
  lookups: Lookups,
): Reply {
  const index = draft.graph.indexById.get(report.stepId);
  if (index === undefined || isFinalStep(draft.marks.state(index)) || isLate(draft, index)) {
    return { kind: "unchanged" };
  }
  return BEHAVIOURS[draft.step(index).kind].governanceReported({ draft, index, lookups }, report);
}

/** An event arrived that may end a wait. */
export function eventReported(
  draft: Draft,
  index: number,
  event: ArrivedEvent,
  lookups: Lookups,
): Reply {
  if (isLate(draft, index)) return { kind: "unchanged" };
  return BEHAVIOURS[draft.step(index).kind].eventArrived({ draft, index, lookups }, event);
}
