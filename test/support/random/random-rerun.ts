/**
 * Reruns of the runs that random sequences made: what happens is what was planned, and each step is undone by one run.
 * Boundary: the rules of a rerun; those of every run are watched-run.ts's.
 */
import { planCompensation } from "../../../src/engine/flow/compensation-order.ts";
import type { PlannedAct } from "../../../src/engine/flow/plan-rerun.ts";
import { beginReplay, replayMove } from "../../../src/engine/replay.ts";
import { isFinalRun, type StepState, stateOfMark } from "../../../src/engine/values/run.ts";
import type { EngineRun } from "../engine/engine-run.ts";
import { planOf, rerun } from "../engine/rerun-of.ts";
import type { RandomNumbers } from "./random-numbers.ts";
import { broken } from "./watch.ts";

/** Whether a step may be in this state after the first transitions of the new run. */
const FITS: Readonly<Record<PlannedAct, (state: StepState) => boolean>> = {
  // A run that fails at once undoes what it reused; an undo that waits for nobody ends at once.
  reuse: (state) => state === "COMPLETED" || state === "COMPENSATED",
  skip: (state) => state === "SKIPPED",
  // A run that fails at once cancels what had not begun.
  run: (state) => state !== "PENDING" && state !== "SKIPPED",
  later: () => true,
};

/** Reruns a run that has ended, from a step by chance. Gives how many steps were reused. */
export function playRerun(old: EngineRun, random: RandomNumbers): number {
  if (!isFinalRun(old.run.state)) broken(`a run that is ${old.run.state} is rerun`);
  const ids = old.graph.order.map((index) => old.graph.steps[index]?.def.id ?? "");
  const from = random.chance(40) ? random.pick(ids) : undefined;
  const plan = planOf(old, from === undefined ? {} : { fromStepId: from });
  const before = undoOf(old);
  const { reply, run } = rerun(old, plan);
  if (reply.kind !== "applied") broken(`a rerun is ${reply.kind}`);
  const begun = run.history.length;
  run.continueAll();
  for (const { index, act } of plan.steps) {
    const state = stateOfMark(run.run.stepMarks[index] ?? 0);
    if (!FITS[act](state)) broken(`step ${index} was planned as ${act} and is ${state}`);
  }
  watchUndo({ old, run, before }, new Set(plan.seed.reused.map((each) => each.from)));
  watchCalls(run, new Set(plan.seed.reused.map((each) => each.to)));
  const replay = beginReplay();
  for (const { moves } of run.history) for (const move of moves) replayMove(replay, move);
  if (begun === 0) broken("a rerun has no history");
  return plan.seed.reused.length;
}

function undoOf({ graph, run }: EngineRun): Set<number> {
  return new Set(planCompensation(graph, run).map(({ index }) => index));
}

function undoneIn({ run }: EngineRun): number[] {
  return [...run.stepMarks.keys()].filter(
    (index) => stateOfMark(run.stepMarks[index] ?? 0) === "COMPENSATED",
  );
}

/** What the older run would have undone is undone by it, or by the new run: never by both, never by none. */
function watchUndo(
  { old, run, before }: { old: EngineRun; run: EngineRun; before: ReadonlySet<number> },
  reused: ReadonlySet<number>,
): void {
  const [left, passed] = [undoOf(old), new Set([...undoOf(run), ...undoneIn(run)])];
  for (const index of before) {
    if (!reused.has(index)) {
      if (!left.has(index)) broken(`step ${index} is not reused, and its undo is lost`);
    } else if (left.has(index) === passed.has(index)) {
      broken(`step ${index} is undone by ${left.has(index) ? "both runs" : "neither run"}`);
    }
  }
  for (const index of left) if (!before.has(index)) broken(`step ${index} is undone anew`);
}

function watchCalls(run: EngineRun, reused: ReadonlySet<number>): void {
  for (const { id, stepIndex } of run.wanted) {
    if (reused.has(stepIndex)) broken(`the reused step ${stepIndex} wants the call ${id}`);
  }
}
