/**
 * Decides an edge, once. When it is the last open edge into its target, the target starts or is skipped.
 * Boundary: queues the step that starts; advance.ts begins it. The caller evaluates conditions.
 */

import type { Draft } from "../draft/draft.ts";
import type { GraphEdge } from "../graph/graph.ts";
import { EDGE_UNITS } from "../values/budget.ts";
import { EDGE_DEAD, EDGE_OPEN, EDGE_TAKEN } from "../values/run.ts";
import { skipStep } from "./ending.ts";

/** Takes or kills an edge; see the file's head. */
export function decideEdge(draft: Draft, edge: GraphEdge, taken: boolean): void {
  draft.marks.decideEdge(edge.index, taken ? EDGE_TAKEN : EDGE_DEAD);
  const { incoming } = draft.step(edge.to);
  const { edgeMarks } = draft.run;
  draft.budget.spend(EDGE_UNITS + incoming.length);
  // Does not copy the list: thousands of edges may lead to one step, and each of them reads all.
  if (draft.marks.state(edge.to) !== "PENDING" || incoming.some((i) => edgeMarks[i] === EDGE_OPEN))
    return;
  if (incoming.some((i) => edgeMarks[i] === EDGE_TAKEN)) startStep(draft, edge.to);
  else skipStep(draft, edge.to);
}

/** Starts a step of a running run (its first attempt is queued). */
export function startStep(draft: Draft, index: number): void {
  draft.work.begin(index);
}

/** The edges that leave a step and are not decided yet. */
export function openEdgesOf(draft: Draft, index: number): GraphEdge[] {
  return draft
    .step(index)
    .outgoing.flatMap((i) => draft.graph.edges[i] ?? [])
    .filter((edge) => draft.run.edgeMarks[edge.index] === EDGE_OPEN);
}
