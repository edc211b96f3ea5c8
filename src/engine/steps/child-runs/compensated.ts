/**
 * Applies the reports of child runs whose compensation the step requested, and their cost.
 * Boundary: counts. compensation.ts chooses the next step. A child's row is compared first, so each report counts once.
 */

import type { Draft } from "../../draft/draft.ts";
import { childrenWentOn } from "../../flow/compensation.ts";
import { addCost } from "../../flow/ending.ts";
import { countUndone } from "../../flow/undo-children.ts";
import { type CallResult, numbersOfCall } from "../../values/call.ts";
import type { ChildReport, ChildRun } from "../../values/child-run.ts";
import type { Reply } from "../../values/reply.ts";

/** The answer to a compensation request: the child may have had nothing to compensate. */
export function undoReturned(
  draft: Draft,
  returned: {
    readonly callId: string;
    readonly stepIndex: number;
    readonly result: CallResult;
  },
): Reply {
  const { stepIndex: index, result } = returned;
  const [, attempt = 0, child = 0] = numbersOfCall(returned.callId);
  const found = draft.children.find(index, { attempt, child });
  if (found?.state !== "undoing") return { kind: "unchanged" };
  if (result.ok && result.value.kind === "compensate_run" && !result.value.undone) {
    return { kind: "unchanged" };
  }
  const told =
    result.ok && result.value.kind === "compensate_run" ? result.value.costUsd : undefined;
  const costUsd = Math.max(found.costUsd, told ?? 0);
  draft.children.put({ ...found, state: result.ok ? "undone" : "stuck", costUsd });
  addCostOfUndoing(draft, index, costUsd - found.costUsd);
  countUndone(draft, index, !result.ok);
  childrenWentOn(draft);
  return { kind: "applied" };
}

/** A child's report, and its row before and after. */
export interface UndoNews {
  readonly found: ChildRun;
  readonly heard: ChildRun;
  readonly told: ChildReport;
}

/** A child reported again after it ended or after its compensation was requested. */
export function undoHeard(draft: Draft, index: number, { found, heard, told }: UndoNews): Reply {
  if (found.state !== "undoing") {
    // A child that another caller compensated also gets a request at its turn, and reports its cost then.
    draft.children.put(heard);
    return { kind: "unchanged" };
  }
  const isStuck = told.undoing === "failed";
  const state = isStuck ? "stuck" : told.undoing === "done" ? "undone" : found.state;
  draft.children.put({ ...heard, state, costUsd: told.costUsd });
  // Also for the end of a child before its compensation: the two reports may arrive in either order.
  addCostOfUndoing(draft, index, told.costUsd - found.costUsd);
  if (state === "undoing") return { kind: "applied" };
  countUndone(draft, index, isStuck);
  childrenWentOn(draft);
  return { kind: "applied" };
}

/** Adds the step's cost so far to the history when the step does not move. */
export function noteCost(draft: Draft, index: number): void {
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
}

function addCostOfUndoing(draft: Draft, index: number, costUsd: number): void {
  if (costUsd <= 0) return;
  addCost(draft, index, costUsd);
  noteCost(draft, index);
}
