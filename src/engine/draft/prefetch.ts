/**
 * Which rows an input will probably need, so that one query loads them.
 * Boundary: a guess from the graph alone. MissingRows loads what it misses; a surplus row costs little.
 */

import type { Graph, GraphStep } from "../graph/graph.ts";
import { STEP_FACTS } from "../steps/registry.ts";
import { numbersOfCall } from "../values/call.ts";
import type { ChildPlace, ChildSet } from "../values/child-run.ts";
import type { Input } from "../values/input.ts";

/** Rows of steps (by index) and of children, and whether the run's input is needed. */
export interface RowsNeeded {
  readonly steps: readonly number[];
  readonly runInput: boolean;
  readonly children?: readonly ChildSet[];
}

/** A wider join loads its sources when it begins. */
const SOURCES_GUESSED_AT_MOST = 8;

const NOTHING: RowsNeeded = { steps: [], runInput: false };
const known = new WeakMap<Graph, Map<string, RowsNeeded>>();

/** The rows that the output of a step is probably made of. */
export function rowsOfOutput(graph: Graph, index: number): RowsNeeded {
  const step = graph.steps[index];
  if (step === undefined) return NOTHING;
  const gathered: Gathered = { steps: new Set([index]), runInput: false };
  if (STEP_FACTS[step.type].passesInput === "always") gatherInput(graph, step, gathered);
  return { steps: [...gathered.steps], runInput: gathered.runInput };
}

/** The rows that folding this input probably needs; `pending` is the run's pending work. */
export function rowsNeeded(
  graph: Graph,
  input: Input,
  pending: readonly number[] = [],
): RowsNeeded {
  switch (input.kind) {
    case "run_begun":
      return { steps: [], runInput: true };
    case "run_queued":
      return NOTHING;
    case "run_continued":
      return pendingRows(graph, pending);
    case "call_returned":
      if (input.call === "start_run") {
        const [child = 0] = numbersOfCall(input.callId);
        return rowsOfChild(graph, input.stepIndex, { attempt: input.attempt, child });
      }
      if (input.call === "compensate_run") {
        const [, attempt = 0, child = 0] = numbersOfCall(input.callId);
        return rowsOfChild(graph, input.stepIndex, { attempt, child });
      }
      return remembered(graph, input.stepIndex, input.call !== "send_notification");
    case "child_ended":
      return rowsOfChild(graph, input.report.stepIndex, input.report);
    case "owner_reported":
    case "approval_decided":
    case "event_arrived":
    case "step_due":
      return remembered(graph, input.stepIndex, true);
    case "task_reported":
    case "task_unsent": {
      const index = graph.indexById.get(input.stepId);
      return index === undefined ? NOTHING : remembered(graph, index, true);
    }
    case "edits_kept":
    case "step_ordered": {
      const index = graph.indexById.get(input.order.stepId);
      return index === undefined ? NOTHING : remembered(graph, index, true);
    }
    case "governance_decided":
    case "step_reported": {
      const index = graph.indexById.get(input.report.stepId);
      return index === undefined ? NOTHING : remembered(graph, index, true);
    }
    case "deadline_passed":
    case "pause_requested":
    case "resume_requested":
    case "cancel_requested":
    case "rerun_requested":
    case "compensate_requested":
      return NOTHING;
  }
}

/** The pending work that one transition completes, for payloads of medium size. */
const PIECES_AT_ONCE = 16;

function pendingRows(graph: Graph, pending: readonly number[]): RowsNeeded {
  const parts = pending.slice(0, PIECES_AT_ONCE).map((index) => remembered(graph, index, true));
  return {
    steps: [...new Set(parts.flatMap(({ steps }) => steps))],
    runInput: parts.some(({ runInput }) => runInput),
  };
}

/** One child of many rarely ends its step: MissingRows loads what follows. The end of an only child ends its step. */
function rowsOfChild(graph: Graph, step: number, { attempt, child }: ChildPlace): RowsNeeded {
  const isOnly = graph.steps[step]?.children?.forEach === undefined;
  const children = [{ kind: "one", step, attempt, child }] as const;
  return { ...remembered(graph, step, isOnly), children };
}

function remembered(graph: Graph, index: number, moves: boolean): RowsNeeded {
  const step = graph.steps[index];
  if (step === undefined) return NOTHING;
  let ofGraph = known.get(graph);
  if (ofGraph === undefined) {
    ofGraph = new Map();
    known.set(graph, ofGraph);
  }
  const key = `${index}${moves ? "m" : ""}`;
  const found = ofGraph.get(key) ?? collect(graph, step, moves);
  ofGraph.set(key, found);
  return found;
}

interface Gathered {
  readonly steps: Set<number>;
  runInput: boolean;
}

function collect(graph: Graph, step: GraphStep, moves: boolean): RowsNeeded {
  const gathered: Gathered = { steps: new Set([step.index]), runInput: false };
  if (moves) {
    gatherBegin(graph, step, gathered);
    if (step.compensates >= 0)
      gatherReads(graph, [graph.steps[step.compensates]?.def.id ?? ""], gathered);
    gatherFollowing(graph, step, gathered, new Set());
  }
  return { steps: [...gathered.steps], runInput: gathered.runInput };
}

/** What follows when the step ends: the reads of its edges, and the steps that start. */
function gatherFollowing(
  graph: Graph,
  step: GraphStep,
  gathered: Gathered,
  seen: Set<number>,
): void {
  const queue = [step];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (seen.has(at.index)) continue;
    seen.add(at.index);
    if (at.parallel >= 0) gathered.steps.add(at.parallel);
    for (const edgeIndex of at.outgoing) {
      const edge = graph.edges[edgeIndex];
      const target = edge === undefined ? undefined : graph.steps[edge.to];
      if (edge === undefined || target === undefined) continue;
      gatherReads(graph, edge.condition?.reads ?? [], gathered);
      if (edge.condition?.readsInput) gathered.runInput = true;
      gatherBegin(graph, target, gathered);
      if (STEP_FACTS[target.type].isInstant) queue.push(target);
    }
  }
}

/** What a step needs to begin: the outputs of its input, and the reads of its expressions. */
function gatherBegin(graph: Graph, step: GraphStep, gathered: Gathered): void {
  gatherInput(graph, step, gathered);
  gatherReads(
    graph,
    step.reads.flatMap((i) => graph.steps[i]?.def.id ?? []),
    gathered,
  );
  if (step.readsRunInput) gathered.runInput = true;
}

function gatherReads(graph: Graph, ids: readonly string[], gathered: Gathered): void {
  for (const id of ids) {
    const step = graph.steps[graph.indexById.get(id) ?? -1];
    if (step === undefined) continue;
    gathered.steps.add(step.index);
    gatherInput(graph, step, gathered);
  }
}

function gatherInput(graph: Graph, step: GraphStep, gathered: Gathered): void {
  const seen = new Set<number>();
  const queue = [step];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (seen.has(at.index)) continue;
    seen.add(at.index);
    if (at.incoming.length === 0 && !at.isCompensation) gathered.runInput = true;
    if (at.incoming.length > SOURCES_GUESSED_AT_MOST) continue;
    for (const edgeIndex of at.incoming) {
      const source = graph.steps[graph.edges[edgeIndex]?.from ?? -1];
      if (source === undefined) continue;
      gathered.steps.add(source.index);
      if (STEP_FACTS[source.type].passesInput === "always") queue.push(source);
    }
  }
}
