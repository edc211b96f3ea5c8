/**
 * Which steps of a run are compensated, and in which order.
 * Boundary: reads the graph and the marks of the steps alone, so that a preview gives what compensation.ts does. Pure.
 */
import type { Graph } from "../graph/graph.ts";
import {
  HAS_CHILDREN,
  isFinalStep,
  MAY_HAVE_ACTED,
  markWithState,
  type Run,
  SUCCEEDED,
  stateOfMark,
} from "../values/run.ts";

/** A step that CompensateRun would undo. */
export interface Undoing {
  readonly index: number;
  /** From 1: the steps of a stage have none of the plan downstream but those of earlier stages. */
  readonly stage: number;
  /** Its child runs are compensated before its own compensation step, if it has one. */
  readonly hasChildren: boolean;
}

/** Steps whose effects exist, or may exist, and are not compensated yet. */
export function stepsToCompensate(graph: Graph, marks: Uint8Array): Set<number> {
  const found = new Set<number>();
  for (const step of graph.steps) {
    const mark = marks[step.index] ?? 0;
    const isCompensated =
      step.compensation < 0 || stateOfMark(marks[step.compensation] ?? 0) === "COMPLETED";
    if (step.isCompensation || (isCompensated && (mark & HAS_CHILDREN) === 0)) continue;
    const state = stateOfMark(mark);
    const succeeded = state === "COMPLETED" && (mark & SUCCEEDED) !== 0;
    const broken = (state === "FAILED" || state === "CANCELLED") && (mark & MAY_HAVE_ACTED) !== 0;
    if (succeeded || broken) found.add(step.index);
  }
  return found;
}

/** Steps to compensate that have none left downstream: one pass against the topological order. */
export function readySteps(graph: Graph, left: ReadonlySet<number>): number[] {
  const blocked = new Set<number>();
  const ready: number[] = [];
  for (const index of graph.order.toReversed()) {
    const downstream = (graph.steps[index]?.outgoing ?? [])
      .flatMap((i) => graph.edges[i]?.to ?? [])
      .some((to) => left.has(to) || blocked.has(to));
    if (downstream) blocked.add(index);
    else if (left.has(index)) ready.push(index);
  }
  return ready;
}

/** What CompensateRun would undo of the run as it stands, if every compensation succeeds; steps in flight are cancelled first. */
export function planCompensation(graph: Graph, run: Run): Undoing[] {
  const marks = marksAfterCancel(graph, run);
  const wanted = stepsToCompensate(graph, marks);
  // The last stage of a step and all that is downstream of it: a pass for each stage would be as many as a chain has steps.
  const stages = new Uint32Array(graph.steps.length);
  const planned: Undoing[] = [];
  for (const index of graph.order.toReversed()) {
    let stage = 0;
    for (const edge of graph.steps[index]?.outgoing ?? []) {
      stage = Math.max(stage, stages[graph.edges[edge]?.to ?? -1] ?? 0);
    }
    if (wanted.has(index)) {
      stage += 1;
      planned.push({ index, stage, hasChildren: ((marks[index] ?? 0) & HAS_CHILDREN) !== 0 });
    }
    stages[index] = stage;
  }
  return planned.sort((one, other) => one.stage - other.stage);
}

/** The marks once every open step is cancelled; those of a run that has ended, or compensates, as they are. */
function marksAfterCancel(graph: Graph, { state, stepMarks }: Run): Uint8Array {
  const marks = stepMarks.slice();
  if (state !== "RUNNING" && state !== "PAUSED") return marks;
  for (const { index, isCompensation } of graph.steps) {
    const mark = marks[index] ?? 0;
    if (isCompensation || isFinalStep(stateOfMark(mark))) continue;
    marks[index] = markWithState(mark, "CANCELLED");
  }
  return marks;
}
