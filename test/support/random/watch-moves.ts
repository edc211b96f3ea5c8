/**
 * Rules of the moves in a run's history: legal, contiguous, equal to the stored state; no start where none may be;
 * compensated in reverse topological order.
 */

import type { Graph, GraphStep } from "../../../src/engine/graph/graph.ts";
import { replayedState, replayMove } from "../../../src/engine/replay.ts";
import { COMPENSABLE, PLAN } from "../../../src/engine/values/child-run.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import { SUCCEEDED, stateOfMark } from "../../../src/engine/values/run.ts";
import type { BareInput, EngineRun } from "../engine/engine-run.ts";
import { type Before, broken, type Seen } from "./watch.ts";

/** Applies the new rows of the history and compares. */
export function watchMoves(at: EngineRun, seen: Seen, before: Before, input: BareInput): void {
  const { replay } = seen;
  for (const row of at.history.slice(before.moves)) {
    if (row.seq !== replay.seq + 1) broken(`row ${row.seq} follows row ${replay.seq}`);
    replay.seq = row.seq;
    for (const move of row.moves) {
      if (move.of === "step") watchStart(at, seen, before, move);
      else if (move.op === "compensated") watchCompensated(at, seen);
      replayMove(replay, move);
    }
  }
  if (replay.state !== at.run.state || replay.seq !== at.run.seq) {
    broken(`the history says ${replay.state}, stored is ${at.run.state}, after ${input.kind}`);
  }
  watchCosts(at, seen);
  for (const [index, mark] of at.run.stepMarks.entries()) {
    const state = stateOfMark(mark);
    if (replayedState(replay, index) === state) continue;
    broken(`the history says step ${index} is ${replayedState(replay, index)}, stored is ${state}`);
  }
}

/** A report on an attempt whose output is still being read enters the history together with the attempt's end. */
function watchCosts(at: EngineRun, { replay }: Seen): void {
  const rows = [...at.rows.values()];
  if (rows.some(({ detail }) => detail.pendingEnd !== undefined)) return;
  if (replay.totalCostUsd !== at.run.totalCostUsd) {
    broken(`the history says ${replay.totalCostUsd} USD, stored are ${at.run.totalCostUsd}`);
  }
  for (const { index, costUsd } of rows) {
    const recorded = replay.steps.get(index)?.costUsd ?? 0;
    if (recorded !== costUsd)
      broken(`the history says step ${index} cost ${recorded}, not ${costUsd} USD`);
  }
}

function watchStart(
  at: EngineRun,
  seen: Seen,
  before: Before,
  move: Extract<Move, { of: "step" }>,
): void {
  if (move.op !== "started") return;
  const step = stepAt(at.graph, move.step);
  const { state } = seen.replay;
  if (state !== (step.isCompensation ? "COMPENSATING" : "RUNNING")) {
    broken(`${step.def.id} started while the run was ${state}`);
  }
  if (!step.isCompensation) return;
  const known = before.rows.get(step.compensates)?.state;
  if (known === "COMPENSATED") broken(`${step.def.id} starts, and its step is compensated`);
  if (!needsCompensation(at, seen, step.compensates))
    broken(`${step.def.id} compensates what needs no compensation`);
  for (const below of downstreamOf(at.graph, step.compensates)) {
    if (needsCompensation(at, seen, below))
      broken(`${step.def.id} starts before step ${below} is compensated`);
  }
}

function watchCompensated(at: EngineRun, seen: Seen): void {
  for (const { index } of at.graph.steps) {
    if (needsCompensation(at, seen, index))
      broken(`the run is compensated, and step ${index} is not`);
  }
}

/** Whether a step acted, or may have acted, and neither its compensation nor its child runs have compensated that. */
function needsCompensation(at: EngineRun, { replay, touched }: Seen, index: number): boolean {
  const { compensation, isCompensation } = stepAt(at.graph, index);
  if (isCompensation) return false;
  const isByStep = compensation >= 0 && replayedState(replay, compensation) !== "COMPLETED";
  if (!isByStep && !hasChildToCompensate(at, index)) return false;
  const state = replayedState(replay, index);
  const succeeded = ((at.run.stepMarks[index] ?? 0) & SUCCEEDED) !== 0;
  if (state === "COMPLETED") return succeeded;
  return (state === "FAILED" || state === "CANCELLED") && touched.has(index);
}

function hasChildToCompensate({ children }: EngineRun, index: number): boolean {
  return children.some(
    ({ step, child, state }) =>
      step === index && child !== PLAN && (state === "undoing" || COMPENSABLE.includes(state)),
  );
}

const known = new WeakMap<Graph, Map<number, readonly number[]>>();

/** Every step that a path leads to. */
function downstreamOf(graph: Graph, from: number): readonly number[] {
  const ofGraph = known.get(graph) ?? new Map<number, readonly number[]>();
  known.set(graph, ofGraph);
  const found = ofGraph.get(from);
  if (found !== undefined) return found;
  const reached = new Set<number>();
  const queue = [from];
  for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
    for (const edge of stepAt(graph, index).outgoing) {
      const to = graph.edges[edge]?.to ?? broken(`no edge ${edge}`);
      if (reached.has(to)) continue;
      reached.add(to);
      queue.push(to);
    }
  }
  ofGraph.set(from, [...reached]);
  return [...reached];
}

function stepAt(graph: Graph, index: number): GraphStep {
  return graph.steps[index] ?? broken(`no step ${index}`);
}
