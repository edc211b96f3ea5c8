/**
 * What a step hears of child runs that it has asked to undo themselves, and what that costs.
 * Boundary: counts; whose turn is next is compensation.ts's. Each undoing counts once: the child's row is looked at first.
 */

import type { Draft } from "../../draft/draft.ts";
import { childrenWentOn } from "../../flow/compensation.ts";
import { addCost } from "../../flow/ending.ts";
import { countUndone } from "../../flow/undo-children.ts";
import type { ChildReport, ChildRun } from "../../values/child-run.ts";
import { type CallResult, numbersOfEffect } from "../../values/effect.ts";
import type { Reply } from "../../values/reply.ts";

/** A child was asked to compensate: it may have had nothing to undo. */
export function undoReturned(
  draft: Draft,
  returned: {
    readonly effectId: string;
    readonly stepIndex: number;
    readonly result: CallResult;
  },
): Reply {
  const { stepIndex: index, result } = returned;
  const [, attempt = 0, child = 0] = numbersOfEffect(returned.effectId);
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

/** What a child told, and its row before and after. */
export interface UndoNews {
  readonly found: ChildRun;
  readonly heard: ChildRun;
  readonly told: ChildReport;
}

/** A child that had ended, or was asked to compensate, told something more. */
export function undoHeard(draft: Draft, index: number, { found, heard, told }: UndoNews): Reply {
  if (found.state !== "undoing") {
    // Also of one that somebody else had undone: it is asked when its turn comes, and tells then what it cost.
    draft.children.put(heard);
    return { kind: "unchanged" };
  }
  const isStuck = told.undoing === "failed";
  const state = isStuck ? "stuck" : told.undoing === "done" ? "undone" : found.state;
  draft.children.put({ ...heard, state, costUsd: told.costUsd });
  // Also of one that ended before it was undone: which word comes first is chance.
  addCostOfUndoing(draft, index, told.costUsd - found.costUsd);
  if (state === "undoing") return { kind: "applied" };
  countUndone(draft, index, isStuck);
  childrenWentOn(draft);
  return { kind: "applied" };
}

/** The history tells what a step cost so far also where the step does not move. */
export function noteCost(draft: Draft, index: number): void {
  draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
}

function addCostOfUndoing(draft: Draft, index: number, costUsd: number): void {
  if (costUsd <= 0) return;
  addCost(draft, index, costUsd);
  noteCost(draft, index);
}
