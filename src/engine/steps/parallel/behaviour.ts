/**
 * PARALLEL: starts its children together, and ends when enough of them have succeeded or no longer can.
 * Boundary: see contract.ts. advance.ts asks `judgeParallel` whenever a child ends.
 */

import type { Draft } from "../../draft/draft.ts";
import { inputOf } from "../../draft/payloads.ts";
import { holdsIn } from "../../draft/scope.ts";
import { decideEdge, openEdgesOf } from "../../flow/decide-edge.ts";
import { cancelStep, failure, goBadly, succeed } from "../../flow/ending.ts";
import { releaseAttempt, requireOpenChildren } from "../../flow/release.ts";
import type { GraphEdge } from "../../graph/graph.ts";
import { EDGE_UNITS } from "../../values/budget.ts";
import type { JsonObject } from "../../values/json.ts";
import { EDGE_OPEN, EDGE_TAKEN, isFinalStep, SUCCEEDED } from "../../values/run.ts";
import type { StepBehaviour, StepTask } from "../contract.ts";
import { completeTransparently, failAttempt, PLAIN_BEHAVIOUR } from "../plain.ts";

/** PARALLEL. */
export const parallel: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin: beginParallel,
  goOn: (task) => beginParallel(task, inputOf(task.draft.payloads, task.index)),
  settled: ({ draft, index }) => cancelChildren(draft, index),
  completedByHand: completeTransparently,
  failedByHand: failAttempt,
  retriesTimeout: false,
};

/** Decides the edges to children, within the budget. */
function beginParallel({ draft, index }: StepTask, input: JsonObject): void {
  const open = openEdgesOf(draft, index).filter((edge) => edge.role === "child");
  for (const [at, edge] of open.entries()) {
    if (at > 0 && draft.budget.isSpent) {
      draft.work.unfinished = index;
      return;
    }
    decideEdge(draft, edge, holdsIn(draft, edge.condition, input));
  }
  judgeParallel(draft, index);
}

/** Ends a PARALLEL when the required number has succeeded or no longer can. */
export function judgeParallel(draft: Draft, index: number): void {
  if (draft.marks.state(index) === "PENDING" || isFinalStep(draft.marks.state(index))) return;
  if (draft.rows.peek(index).detail.held !== undefined) return;
  // The next transition decides the remaining edges: the number of children is still unknown.
  if (childEdges(draft, index).some((edge) => draft.run.edgeMarks[edge.index] === EDGE_OPEN))
    return;
  const children = takenChildren(draft, index);
  const succeeded = children.filter((child) => hasSucceeded(draft, child));
  const open = children.filter((child) => !isFinalStep(draft.marks.state(child)));
  const required = requiredOf(draft, index, children.length);
  if (succeeded.length >= required) {
    const row = draft.rows.row(index);
    row.detail = { ...row.detail, joined: succeeded };
    succeed(draft, index, { output: {}, extendsInput: true });
  } else if (succeeded.length + open.length < required) {
    const facts = `${succeeded.length} of ${children.length} children succeeded`;
    goBadly(draft, index, failure(`${facts}, ${required} are required`, false));
  }
}

/** A child that was skipped by a caller counts too. */
function hasSucceeded(draft: Draft, child: number): boolean {
  if ((draft.marks.of(child) & SUCCEEDED) !== 0) return true;
  return draft.marks.state(child) === "COMPLETED" && draft.rows.peek(child).detail.skipped === true;
}

/** When a PARALLEL ends, cancels its open and unstarted children, unless its config keeps them. */
function cancelChildren(draft: Draft, index: number): void {
  if (draft.step(index).def.config.cancel_remaining === false) return;
  const open = takenChildren(draft, index).filter(
    (child) => !isFinalStep(draft.marks.state(child)),
  );
  draft.rows.require(open);
  requireOpenChildren(draft, open);
  for (const child of open) {
    releaseAttempt(draft, child, "the parallel step ended");
    cancelStep(draft, child, "cancelled: the parallel step ended");
  }
}

function takenChildren(draft: Draft, index: number): number[] {
  const edges = childEdges(draft, index);
  draft.budget.spend(EDGE_UNITS * edges.length);
  return edges
    .filter((edge) => draft.run.edgeMarks[edge.index] === EDGE_TAKEN)
    .map((edge) => edge.to);
}

function childEdges(draft: Draft, index: number): GraphEdge[] {
  const edges = draft.step(index).outgoing.flatMap((i) => draft.graph.edges[i] ?? []);
  return edges.filter((edge) => edge.role === "child");
}

function requiredOf(draft: Draft, index: number, children: number): number {
  const { required } = draft.step(index).def.config;
  return typeof required === "number" ? required : children;
}
