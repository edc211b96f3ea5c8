/**
 * What a rerun of an ended run reuses, and what runs again: a plan, and the beginning of the new run.
 * Boundary: reads versions, marks and a few facts of rows; rerun.ts applies it. Pure.
 * Invariants:
 * 1. A step is reused only with everything that it was made from: the same definition, edges and input of the run, and
 *    reused steps before it and in its expressions.
 * 2. A PARALLEL is reused with all its children, or runs again with them.
 * 3. Edges into reused steps are decided as they were; nothing that is reused is decided anew.
 */
import type { Graph, GraphStep } from "../graph/graph.ts";
import { STEP_FACTS } from "../steps/registry.ts";
import { canonicalJson, type Json } from "../values/json.ts";
import type { RerunSeed, ReusedStep } from "../values/rerun.ts";
import {
  EDGE_DEAD,
  EDGE_OPEN,
  EDGE_TAKEN,
  HAS_CHILDREN,
  HAS_ROW,
  MAY_HAVE_ACTED,
  type Run,
  SUCCEEDED,
  stateOfMark,
} from "../values/run.ts";
import type { StepDetail } from "../values/step-detail.ts";

/** An ended run as a plan reads it. */
export interface EndedRun {
  readonly graph: Graph;
  readonly run: Run;
  /** What the row of a step says of it: a step that a caller skipped, or that is reused, is reused without the mark of success. */
  detailOf(index: number): Pick<StepDetail, "skipped" | "reused">;
}

/** What the new run does with a step. `later`: whether it runs depends on a step that runs. */
export type PlannedAct = "reuse" | "run" | "later" | "skip";

/** Why a step is not reused. */
export type RerunReason =
  | "asked"
  | "input"
  | "changed"
  | "undone"
  | "not_completed"
  | "no_success"
  | "downstream"
  | "parallel";

/** A step of the new run's version, with its index there. */
export interface PlannedStep {
  readonly index: number;
  readonly act: PlannedAct;
  /** Unset for a step that is reused, or that was not reached before either. */
  readonly why?: RerunReason;
  /** A decision that was made before does not count. */
  readonly isApprovalVoid: boolean;
  /** It is reused, and its child runs belong to an older run: CompensateRun of that one undoes it. */
  readonly undoStays: boolean;
}

/** A plan: what happens at the start of the new run, and its seed. */
export interface RerunPlan {
  readonly steps: readonly PlannedStep[];
  readonly seed: RerunSeed;
}

/** What a rerun is asked to do again. */
export interface RerunWish {
  /** This step and what follows it run again; unset: only what was not completed. */
  readonly fromStepId?: string;
  /** The run's input is another one: it reaches every root, so that nothing is reused. */
  readonly hasNewInput: boolean;
}

/** Plans the rerun of an ended run by a version of its definition. */
export function planRerun(ended: EndedRun, graph: Graph, wish: RerunWish): RerunPlan {
  const reasons = reasonsToRun(ended, graph, wish);
  const seed = seedOf(ended, graph, reasons);
  return { seed, steps: stepsOf(ended, graph, reasons, seed) };
}

/** Why each step runs again; steps that are reused, or skipped as before, are not in it. Looks at each step and edge once. */
function reasonsToRun(ended: EndedRun, graph: Graph, wish: RerunWish): Map<number, RerunReason> {
  const reasons = new Map<number, RerunReason>();
  const left: number[] = [];
  const parallels: number[] = [];
  const add = (index: number, reason: RerunReason) => {
    if (reasons.has(index)) return;
    reasons.set(index, reason);
    left.push(index);
  };
  for (const index of graph.order) {
    const reason = ownReason(ended, graph, index, wish);
    if (reason !== undefined) add(index, reason);
  }
  const dependents = dependentsIn(graph);
  for (;;) {
    for (let index = left.pop(); index !== undefined; index = left.pop()) {
      for (const dependent of dependents[index] ?? []) add(dependent, "downstream");
      const { parallel } = stepAt(graph, index);
      if (parallel >= 0) parallels.push(parallel);
    }
    // A PARALLEL and its children run again together.
    const parallel = parallels.pop();
    if (parallel === undefined) return reasons;
    add(parallel, "parallel");
  }
}

/** Of each step those that it leads to, and those whose expressions, or conditions of edges, read it, wherever they stand. */
function dependentsIn(graph: Graph): number[][] {
  const dependents: number[][] = graph.steps.map(() => []);
  for (const index of graph.order) {
    for (const source of stepAt(graph, index).reads) dependents[source]?.push(index);
  }
  for (const { from, to, condition } of graph.edges) {
    dependents[from]?.push(to);
    for (const id of condition?.reads ?? []) {
      dependents[graph.indexById.get(id) ?? -1]?.push(from);
    }
  }
  return dependents;
}

function ownReason(
  ended: EndedRun,
  graph: Graph,
  index: number,
  wish: RerunWish,
): RerunReason | undefined {
  const step = stepAt(graph, index);
  if (wish.hasNewInput) return "input";
  if (step.def.id === wish.fromStepId) return "asked";
  const from = ended.graph.indexById.get(step.def.id);
  if (from === undefined || !isSameStep(ended.graph, from, graph, index)) return "changed";
  const mark = ended.run.stepMarks[from] ?? 0;
  const state = stateOfMark(mark);
  if (state === "SKIPPED") return undefined;
  if (state === "COMPENSATED") return "undone";
  if (state !== "COMPLETED") return "not_completed";
  // How a step went on after its timeout is not known any more.
  const isKnown = (mark & SUCCEEDED) !== 0 && step.timeoutAction !== "continue";
  const { skipped, reused } = ended.detailOf(from);
  return isKnown || skipped === true || reused === true ? undefined : "no_success";
}

/** Whether a step, what leads to it and, of one that chooses, what follows it are the same in both versions. */
function isSameStep(one: Graph, at: number, other: Graph, index: number): boolean {
  if (one === other) return true;
  const [before, now] = [stepAt(one, at), stepAt(other, index)];
  // What undid a step is no step of the way, whatever it is in the other version.
  if (before.isCompensation || textOf(before.def) !== textOf(now.def)) return false;
  if (!areSameEdges(one, before.incoming, other, now.incoming)) return false;
  const chooses = STEP_FACTS[now.type].freeLabels === "value";
  return !chooses || areSameEdges(one, before.outgoing, other, now.outgoing);
}

function areSameEdges(
  one: Graph,
  edges: readonly number[],
  other: Graph,
  others: readonly number[],
): boolean {
  if (edges.length !== others.length) return false;
  return edges.every((index, place) => {
    const [before, now] = [one.spec.edges[index], other.spec.edges[others[place] ?? -1]];
    return before !== undefined && now !== undefined && textOf(before) === textOf(now);
  });
}

/** What is written differently but means the same, such as another order of keys, is the same text. */
function textOf(definition: object): string {
  return canonicalJson(JSON.parse(JSON.stringify(definition)) as Json);
}

function seedOf(
  { graph: before, run }: EndedRun,
  graph: Graph,
  reasons: ReadonlyMap<number, RerunReason>,
): RerunSeed {
  const reused: ReusedStep[] = [];
  const skipped: number[] = [];
  const marks = new Map<number, number>();
  for (const index of graph.order) {
    if (reasons.has(index)) continue;
    const { def, incoming, outgoing } = stepAt(graph, index);
    const from = before.indexById.get(def.id) ?? -1;
    const old = stepAt(before, from);
    const copy = (edges: readonly number[], olds: readonly number[]) => {
      for (const [place, edge] of edges.entries()) {
        marks.set(edge, run.edgeMarks[olds[place] ?? -1] ?? EDGE_OPEN);
      }
    };
    copy(incoming, old.incoming);
    const mark = run.stepMarks[from] ?? 0;
    if (stateOfMark(mark) === "SKIPPED") {
      skipped.push(index);
      for (const edge of outgoing) marks.set(edge, EDGE_DEAD);
      continue;
    }
    const flags = (mark & HAS_CHILDREN) === 0 ? SUCCEEDED | MAY_HAVE_ACTED : MAY_HAVE_ACTED;
    reused.push({ from, to: index, flags: mark & flags });
    const isDecided = old.outgoing.every((edge) => run.edgeMarks[edge] !== EDGE_OPEN);
    if (isDecided && areSameEdges(before, old.outgoing, graph, outgoing)) {
      copy(outgoing, old.outgoing);
    }
  }
  const decided = (as: number) =>
    [...marks].flatMap(([index, mark]) => (mark === as ? [index] : []));
  return { reused, skipped, taken: decided(EDGE_TAKEN), dead: decided(EDGE_DEAD) };
}

function stepsOf(
  { graph: before, run, detailOf }: EndedRun,
  graph: Graph,
  reasons: ReadonlyMap<number, RerunReason>,
  seed: RerunSeed,
): PlannedStep[] {
  const reused = new Map(seed.reused.map((each) => [each.to, each]));
  const taken = new Map([
    ...seed.taken.map((edge) => [edge, true] as const),
    ...seed.dead.map((edge) => [edge, false] as const),
  ]);
  const steps: PlannedStep[] = [];
  for (const index of graph.order) {
    const { def, type, incoming, outgoing } = stepAt(graph, index);
    const kept = reused.get(index);
    const why = reasons.get(index);
    const act = kept !== undefined ? "reuse" : why === undefined ? "skip" : actOf(incoming, taken);
    if (act === "skip") for (const edge of outgoing) taken.set(edge, false);
    const mark = run.stepMarks[before.indexById.get(def.id) ?? -1] ?? 0;
    steps.push({
      ...{ index, act },
      ...(why === undefined || act === "skip" ? {} : { why }),
      isApprovalVoid: STEP_FACTS[type].isDecision && act !== "reuse" && (mark & HAS_ROW) !== 0,
      undoStays: kept !== undefined && isUndoneElsewhere(kept.flags, detailOf(kept.from)),
    });
  }
  return steps.sort((one, other) => one.index - other.index);
}

/** Of a reused step without the mark of success an older run started the child runs; a step that was skipped is never undone. */
export function isUndoneElsewhere(mark: number, { skipped }: Pick<StepDetail, "skipped">): boolean {
  return (mark & SUCCEEDED) === 0 && skipped !== true;
}

function actOf(incoming: readonly number[], taken: ReadonlyMap<number, boolean>): PlannedAct {
  if (incoming.length === 0) return "run";
  const decided = incoming.map((edge) => taken.get(edge));
  if (decided.includes(undefined)) return "later";
  return decided.includes(true) ? "run" : "skip";
}

function stepAt(graph: Graph, index: number): GraphStep {
  const step = graph.steps[index];
  if (step === undefined) throw new Error(`the version has no step ${index}`);
  return step;
}
