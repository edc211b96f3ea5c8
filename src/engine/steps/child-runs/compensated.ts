/**
 * Applies the reports of child runs whose compensation the step requested, and their cost.
 * Boundary: counts. compensation.ts chooses the next step. A child's row is compared first, so each report counts once.
 */

import type { Draft } from "../../draft/draft.ts";
import { countCompensated } from "../../flow/compensate-children.ts";
import { childrenWentOn } from "../../flow/compensation.ts";
import { addCost } from "../../flow/ending.ts";
import { numbersOfCall, type ReturnedCall } from "../../values/call.ts";
import type { ChildReport, ChildRun } from "../../values/child-run.ts";
import type { Reply } from "../../values/reply.ts";

/** The answer to a compensation request: the child may have had nothing to compensate. */
export function compensationReturned(draft: Draft, returned: ReturnedCall): Reply {
  const { stepIndex: index, result } = returned;
  const [, attempt = 0, child = 0] = numbersOfCall(returned.callId);
  const found = draft.children.find(index, { attempt, child });
  if (found?.state !== "undoing") return { kind: "unchanged" };
  if (result.ok && result.value.kind === "compensate_run" && !result.value.compensated) {
    return { kind: "unchanged" };
  }
  const report =
    result.ok && result.value.kind === "compensate_run" ? result.value.costUsd : undefined;
  const costUsd = Math.max(found.costUsd, report ?? 0);
  draft.children.put({ ...found, state: result.ok ? "undone" : "stuck", costUsd });
  addCostOfCompensation(draft, index, costUsd - found.costUsd);
  countCompensated(draft, index, !result.ok);
  childrenWentOn(draft);
  return { kind: "applied" };
}

/** A child's report, and its row before and after. */
export interface CompensationNews {
  readonly found: ChildRun;
  readonly heard: ChildRun;
  readonly report: ChildReport;
}

/** A child reported again after it ended or after its compensation was requested. */
export function compensationReported(
  draft: Draft,
  index: number,
  { found, heard, report }: CompensationNews,
): Reply {
  if (found.state !== "undoing") {
    // A child that another caller compensated also gets a request at its turn, and reports its cost then.
    draft.children.put(heard);
    return { kind: "unchanged" };
  }
  const isStuck = report.undoing === "failed";
  const state = isStuck ? "stuck" : report.undoing === "done" ? "undone" : found.state;
  draft.children.put({ ...heard, state, costUsd: report.costUsd });
  // Also for the end of a child before its compensation: the two reports may arrive in either order.
  addCostOfCompensation(draft, index, report.costUsd - found.costUsd);
  if (state === "undoing") return { kind: "applied" };
  countCompensated(draft, index, isStuck);
  childrenWentOn(draft);
  return { kind: "applied" };
}

/** Adds the step's cost so far to the history when the step does not move. */
export function noteCost(draft: Draft, index: number): void {
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
}

function addCostOfCompensation(draft: Draft, index: number, costUsd: number): void {
  if (costUsd <= 0) return;
  addCost(draft, index, costUsd);
  noteCost(draft, index);
}
