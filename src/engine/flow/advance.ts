/**
 * What follows: attempts begin, edges are decided, steps start or are skipped, the run ends.
 * Boundary: drains the draft's queues until nothing follows any more, or the transition's budget is spent: then the rest
 * stays in the queues, and the draft keeps it as the run's pending work.
 * Invariants:
 * A1 a step starts when all its incoming edges are decided and at least one is taken; it is skipped when all are dead.
 * A2 an uncaught failure comes before the dead paths it makes: the run FAILS and the rest is cancelled.
 * A3 one piece of work (an attempt that begins, an edge that is decided) is done whole, so each transition gets on.
 * A4 nothing starts unless the run is RUNNING, or the step is a compensation of a COMPENSATING run.
 */

import type { Draft } from "../draft/draft.ts";
import { mergedInput, outputOf } from "../draft/payloads.ts";
import { holdsIn, renderIn } from "../draft/scope.ts";
import type { Ended } from "../draft/work.ts";
import type { GraphEdge, GraphStep } from "../graph/graph.ts";
import { BEHAVIOURS } from "../steps/behaviours.ts";
import type { StepTask } from "../steps/contract.ts";
import { judgeParallel } from "../steps/parallel/behaviour.ts";
import { payloadBytes, STEP_UNITS } from "../values/budget.ts";
import { isJsonObject, type JsonObject } from "../values/json.ts";
import { payloadProblem } from "../values/limits.ts";
import type { Lookups } from "../values/lookups.ts";
import { mergePatch } from "../values/merge-patch.ts";
import { isFinalStep } from "../values/run.ts";
import type { Ending } from "../values/step-detail.ts";
import { goOnAfterPause } from "./after-pause.ts";
import { failRun } from "./cancel-open.ts";
import { compensationEnded, compensationInput } from "./compensation.ts";
import { decideEdge, openEdgesOf } from "./decide-edge.ts";
import { catches, failure, goBadly, type Trouble } from "./ending.ts";

/** Runs the queues dry, or the budget: what began and ended has its consequences in this transition, or in further ones. */
export function advance(draft: Draft, lookups: Lookups): void {
  // A paused run acts on nothing, not on what was left to do before it was paused either.
  if (draft.run.state === "PAUSED") return;
  while (draft.work.isLeft && !draft.budget.isSpent) {
    draft.budget.spend(STEP_UNITS);
    const unfinished = draft.work.takeUnfinished();
    if (unfinished !== undefined) {
      beginAttempt(draft, unfinished, lookups);
      continue;
    }
    const ended = draft.work.takeEnded();
    if (ended !== undefined) {
      settle(draft, ended, lookups);
      continue;
    }
    const index = draft.work.takeToBegin();
    if (index !== undefined) {
      beginAttempt(draft, index, lookups);
      continue;
    }
    draft.work.isResuming = false;
    goOnAfterPause(draft, lookups);
  }
  if (draft.run.state === "RUNNING" && !draft.work.isLeft && isDone(draft)) {
    draft.run.completedAtMs = draft.nowMs;
    draft.moveRun("COMPLETED", "completed");
  }
}

/** A step of an ended or compensating run does not begin; a compensation does. */
function mayBegin(draft: Draft, step: GraphStep): boolean {
  return draft.run.state === (step.isCompensation ? "COMPENSATING" : "RUNNING");
}

function beginAttempt(draft: Draft, index: number, lookups: Lookups): void {
  const step = draft.step(index);
  const state = draft.marks.state(index);
  if (!mayBegin(draft, step) || (isFinalStep(state) && !step.isCompensation)) return;
  if (draft.marks.hasRow(index) && draft.rows.peek(index).detail.held !== undefined) return;
  if (hasBegun(draft, step)) {
    BEHAVIOURS[step.kind].goOn({ draft, index, lookups });
    return;
  }
  if (state === "PENDING") {
    draft.insertRow(index);
    draft.moveStep(index, "RUNNING", { op: "started" });
  } else if (draft.rows.peek(index).detail.retrying) {
    const { retrying: _retrying, ...detail } = draft.rows.row(index).detail;
    draft.rows.row(index).detail = detail;
    draft.rows.row(index).errorMessage = "";
    // A caller may have set the step WAITING between two attempts.
    if (state === "WAITING") draft.moveStep(index, "RUNNING", { op: "started" });
    else draft.noteStep(index, state, { op: "started" });
  }
  const row = draft.rows.row(index);
  delete row.wakeAtMs;
  if (step.timeoutMs > 0) row.timeoutAtMs = draft.nowMs + step.timeoutMs;
  const input = reshapedInput(draft, step);
  if (!input.ok) goBadly(draft, index, input.trouble);
  else BEHAVIOURS[step.kind].begin({ draft, index, lookups }, input.value);
}

/** Whether the attempt began in an earlier transition; a compensation is RUNNING before it begins. */
function hasBegun(draft: Draft, step: GraphStep): boolean {
  if (step.isCompensation || draft.marks.state(step.index) === "PENDING") return false;
  return draft.rows.peek(step.index).detail.retrying !== true;
}

type StepInput = { ok: true; value: JsonObject } | { ok: false; trouble: Trouble };

/**
 * The step's input, reshaped by config.input and changed by ResumeWith, or what is wrong with it; no attempt mends one that is too
 * large.
 */
function reshapedInput(draft: Draft, step: GraphStep): StepInput {
  const { index } = step;
  const given = step.isCompensation
    ? compensationInput(draft, step.compensates)
    : mergedInput(draft.payloads, index);
  const tooLarge = payloadProblem("input", given);
  // A compensation is given an input and an output: if they are too large together, its config.input may take less.
  if (step.isCompensation) draft.rows.row(index).input = tooLarge === undefined ? given : {};
  const isFit = tooLarge === undefined || (step.isCompensation && step.input !== undefined);
  if (!isFit) return { ok: false, trouble: failure(tooLarge, false) };
  const patch = step.isCompensation ? undefined : draft.run.inputPatches?.[index];
  if (step.input === undefined && patch === undefined) return { ok: true, value: given };
  const rendered =
    step.input === undefined
      ? ({ ok: true, value: given } as const)
      : renderIn(draft, step.input, given);
  if (!rendered.ok) return { ok: false, trouble: failure(rendered.problem, true) };
  const reshaped = isJsonObject(rendered.value) ? rendered.value : {};
  const input = patch === undefined ? reshaped : mergePatch(reshaped, patch);
  const problem = payloadProblem("input", input);
  if (problem !== undefined) return { ok: false, trouble: failure(problem, false) };
  draft.budget.spend(payloadBytes(input));
  draft.rows.row(index).input = input;
  return { ok: true, value: input };
}

function settle(draft: Draft, ended: Ended, lookups: Lookups): void {
  const { index } = ended;
  const step = draft.step(index);
  if (step.isCompensation) {
    compensationEnded(draft, index);
    return;
  }
  if (draft.run.state !== "RUNNING") return;
  const ending = ended.ending ?? takeEnding(draft, index);
  if (ending.kind === "uncaught" && step.parallel < 0) {
    failRun(draft, step.onError === "compensate" && ending.stops !== true);
    return;
  }
  const task = { draft, index, lookups };
  BEHAVIOURS[step.kind].settled(task);
  if (!decideEdges(task, ending)) {
    draft.work.settleNext({ index, ending });
    return;
  }
  if (step.parallel >= 0) judgeParallel(draft, step.parallel);
}

/** How a step ended, as an earlier transition kept it; one without a row was skipped or cancelled. */
function takeEnding(draft: Draft, index: number): Ending {
  if (!draft.marks.hasRow(index)) return { kind: "dead" };
  const { ending = { kind: "dead" }, ...detail } = draft.rows.peek(index).detail;
  draft.rows.row(index).detail = detail;
  return ending;
}

/** Decides the edges that are open; false when the budget was spent before the last of them. */
function decideEdges(task: StepTask, ending: Ending): boolean {
  const { draft, index } = task;
  const open = openEdgesOf(draft, index);
  if (open.length === 0) return true;
  const nothing = ending.kind === "dead" || ending.kind === "uncaught";
  const output = nothing ? {} : outputOf(draft.payloads, index);
  const { chooseEdge } = BEHAVIOURS[draft.step(index).kind];
  const chooses =
    chooseEdge !== undefined && (ending.kind === "success" || ending.kind === "continued");
  const chosen = chooses ? chooseEdge(task, ending, output) : undefined;
  if (chosen === "undecided") return false;
  for (const [at, edge] of open.entries()) {
    // A choice was made: the edges are decided together, for they cost nothing more.
    if (at > 0 && !chooses && draft.budget.isSpent) return false;
    const taken = chooses
      ? edge.index === chosen
      : mayTake(edge, ending) && holdsIn(draft, edge.condition, output);
    decideEdge(draft, edge, taken);
  }
  return true;
}

/** Label first: whether an edge's role goes with how its step ended. */
function mayTake(edge: GraphEdge, ending: Ending): boolean {
  switch (ending.kind) {
    case "success":
      return edge.role === "success" || edge.role === "approved" || edge.role === "joined";
    case "continued":
      return edge.role === "success" || edge.role === "joined";
    case "caught":
      return catches(edge, ending);
    case "error":
      return edge.role === "error";
    case "uncaught":
    case "dead":
      return false;
  }
}

function isDone(draft: Draft): boolean {
  return draft.graph.steps.every(
    (step) => step.isCompensation || isFinalStep(draft.marks.state(step.index)),
  );
}
