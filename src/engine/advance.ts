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
import { goOnAfterPause } from "./after-pause.ts";
import { EDGE_UNITS, payloadBytes, STEP_UNITS } from "./budget.ts";
import { failRun } from "./cancel-open.ts";
import { compensationEnded, compensationInput } from "./compensation.ts";
import type { Draft, Ended } from "./draft.ts";
import { catches, failure, goBadly, skipStep, type Trouble } from "./ending.ts";
import type { GraphEdge, GraphStep } from "./graph/graph.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { payloadProblem } from "./limits.ts";
import type { Lookups } from "./lookups.ts";
import { inputOf, mergedInput, outputOf } from "./payloads.ts";
import { EDGE_DEAD, EDGE_OPEN, EDGE_TAKEN, type Ending, isFinalStep } from "./run.ts";
import { holdsIn, renderIn } from "./scope.ts";
import { chooseEdge } from "./steps/branch.ts";
import { startNextChildren } from "./steps/child-runs.ts";
import { cancelChildren, judgeParallel } from "./steps/parallel.ts";
import { STEP_KINDS } from "./steps/registry.ts";

/** Runs the queues dry, or the budget: what began and ended has its consequences in this transition, or in further ones. */
export function advance(draft: Draft, lookups: Lookups): void {
  // A paused run acts on nothing, not on what was left to do before it was paused either.
  if (draft.run.state === "PAUSED") return;
  while (draft.hasWork && !draft.isSpent) {
    draft.spend(STEP_UNITS);
    const { unfinished } = draft;
    draft.unfinished = undefined;
    if (unfinished !== undefined) {
      beginAttempt(draft, unfinished, lookups);
      continue;
    }
    const ended = draft.toSettle.shift();
    if (ended !== undefined) {
      settle(draft, ended);
      continue;
    }
    const index = draft.toBegin.shift();
    if (index !== undefined) {
      beginAttempt(draft, index, lookups);
      continue;
    }
    draft.isResuming = false;
    goOnAfterPause(draft, lookups);
  }
  if (draft.run.state === "RUNNING" && !draft.hasWork && isDone(draft)) {
    draft.run.completedAtMs = draft.nowMs;
    draft.moveRun("COMPLETED", "completed");
  }
}

/** Starts a step of a running run (its first attempt is queued). */
export function startStep(draft: Draft, index: number): void {
  draft.toBegin.push(index);
}

/** A step of an ended or compensating run does not begin; a compensation does. */
function mayBegin(draft: Draft, step: GraphStep): boolean {
  return draft.run.state === (step.isCompensation ? "COMPENSATING" : "RUNNING");
}

function beginAttempt(draft: Draft, index: number, lookups: Lookups): void {
  const step = draft.step(index);
  const state = draft.state(index);
  if (!mayBegin(draft, step) || (isFinalStep(state) && !step.isCompensation)) return;
  if (hasBegun(draft, step)) {
    goOnBeginning(draft, index, lookups);
    return;
  }
  if (state === "PENDING") {
    draft.insertRow(index);
    draft.moveStep(index, "RUNNING", { op: "started" });
  } else if (draft.peek(index).detail.retrying) {
    const { retrying: _retrying, ...detail } = draft.row(index).detail;
    draft.row(index).detail = detail;
    draft.row(index).errorMessage = "";
    // Somebody may have set it WAITING between the attempts.
    if (state === "WAITING") draft.moveStep(index, "RUNNING", { op: "started" });
    else draft.noteStep(index, state, { op: "started" });
  }
  const row = draft.row(index);
  delete row.wakeAtMs;
  if (step.timeoutMs > 0) row.timeoutAtMs = draft.nowMs + step.timeoutMs;
  const input = reshapedInput(draft, step);
  if (!input.ok) goBadly(draft, index, input.trouble);
  else if (step.type === "PARALLEL") beginParallel(draft, index, input.value);
  else STEP_KINDS[step.type].begin({ draft, index, lookups }, input.value);
}

/** Whether the attempt began in an earlier transition; a compensation is RUNNING before it begins. */
function hasBegun(draft: Draft, step: GraphStep): boolean {
  if (step.isCompensation || draft.state(step.index) === "PENDING") return false;
  return draft.peek(step.index).detail.retrying !== true;
}

/** What the beginning of an attempt left to do when the budget was spent. */
function goOnBeginning(draft: Draft, index: number, lookups: Lookups): void {
  const { type, children } = draft.step(index);
  if (type === "PARALLEL") beginParallel(draft, index, inputOf(draft, index));
  else if (type === "BRANCH")
    STEP_KINDS.BRANCH.begin({ draft, index, lookups }, inputOf(draft, index));
  else if (children !== undefined) startNextChildren(draft, index);
}

type StepInput = { ok: true; value: JsonObject } | { ok: false; trouble: Trouble };

/** The step's input, reshaped by config.input, or what is wrong with it; no attempt mends one that is too large. */
function reshapedInput(draft: Draft, step: GraphStep): StepInput {
  const { index } = step;
  const given = step.isCompensation
    ? compensationInput(draft, step.undoes)
    : mergedInput(draft, index);
  const tooLarge = payloadProblem("input", given);
  // A compensation is given an input and an output: if they are too large together, its config.input may take less.
  if (step.isCompensation) draft.row(index).input = tooLarge === undefined ? given : {};
  const isFit = tooLarge === undefined || (step.isCompensation && step.input !== undefined);
  if (!isFit) return { ok: false, trouble: failure(tooLarge, false) };
  if (step.input === undefined) return { ok: true, value: given };
  const rendered = renderIn(draft, step.input, given);
  if (!rendered.ok) return { ok: false, trouble: failure(rendered.problem, true) };
  const input = isJsonObject(rendered.value) ? rendered.value : {};
  const problem = payloadProblem("input", input);
  if (problem !== undefined) return { ok: false, trouble: failure(problem, false) };
  draft.spend(payloadBytes(input));
  draft.row(index).input = input;
  return { ok: true, value: input };
}

function beginParallel(draft: Draft, index: number, input: JsonObject): void {
  const open = edgesOf(draft, index).filter(
    (edge) => edge.role === "child" && draft.run.edgeMarks[edge.index] === EDGE_OPEN,
  );
  for (const [at, edge] of open.entries()) {
    if (at > 0 && draft.isSpent) {
      draft.unfinished = index;
      return;
    }
    decide(draft, edge, holdsIn(draft, edge.condition, input));
  }
  judgeParallel(draft, index);
}

function settle(draft: Draft, ended: Ended): void {
  const { index } = ended;
  const step = draft.step(index);
  if (step.isCompensation) {
    compensationEnded(draft, index);
    return;
  }
  if (draft.run.state !== "RUNNING") return;
  const ending = ended.ending ?? takeEnding(draft, index);
  if (ending.kind === "uncaught" && step.parallel < 0) {
    failRun(draft, step.onError === "compensate");
    return;
  }
  if (step.type === "PARALLEL") cancelChildren(draft, index);
  if (!decideEdges(draft, step, ending)) {
    draft.toSettle.unshift({ index, ending });
    return;
  }
  if (step.parallel >= 0) judgeParallel(draft, step.parallel);
}

/** How a step ended, as an earlier transition kept it; one without a row was skipped or cancelled. */
function takeEnding(draft: Draft, index: number): Ending {
  if (!draft.hasRow(index)) return { kind: "dead" };
  const { ending = { kind: "dead" }, ...detail } = draft.peek(index).detail;
  draft.row(index).detail = detail;
  return ending;
}

/** Decides the edges that are open; false when the budget was spent before the last of them. */
function decideEdges(draft: Draft, step: GraphStep, ending: Ending): boolean {
  const open = edgesOf(draft, step.index).filter(
    (edge) => draft.run.edgeMarks[edge.index] === EDGE_OPEN,
  );
  if (open.length === 0) return true;
  const nothing = ending.kind === "dead" || ending.kind === "uncaught";
  const output = nothing ? {} : outputOf(draft, step.index);
  const chooses =
    step.type === "BRANCH" && (ending.kind === "success" || ending.kind === "continued");
  const chosen = chooses ? chosenEdge(draft, step, ending, output) : undefined;
  if (chosen === "undecided") return false;
  for (const [at, edge] of open.entries()) {
    // A branch has chosen: its edges are decided together, for they cost nothing more.
    if (at > 0 && !chooses && draft.isSpent) return false;
    const taken = chooses
      ? edge.index === chosen
      : mayTake(edge, ending) && holdsIn(draft, edge.condition, output);
    decide(draft, edge, taken);
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

function chosenEdge(
  draft: Draft,
  step: GraphStep,
  ending: Ending,
  output: JsonObject,
): number | undefined | "undecided" {
  const kept = draft.hasRow(step.index) ? draft.peek(step.index).detail.chosen : undefined;
  if (ending.kind === "success" && kept !== undefined) return kept;
  const edge = chooseEdge(draft, step, output, output.value);
  return edge === "undecided" ? edge : edge?.index;
}

function decide(draft: Draft, edge: GraphEdge, taken: boolean): void {
  draft.decideEdge(edge.index, taken ? EDGE_TAKEN : EDGE_DEAD);
  const { incoming } = draft.step(edge.to);
  const { edgeMarks } = draft.run;
  draft.spend(EDGE_UNITS + incoming.length);
  // No copy of the list: thousands of edges may lead to one step, and each of them looks at all.
  if (draft.state(edge.to) !== "PENDING" || incoming.some((i) => edgeMarks[i] === EDGE_OPEN))
    return;
  if (incoming.some((i) => edgeMarks[i] === EDGE_TAKEN)) startStep(draft, edge.to);
  else skipStep(draft, edge.to);
}

function edgesOf(draft: Draft, index: number): GraphEdge[] {
  return draft.step(index).outgoing.flatMap((i) => draft.graph.edges[i] ?? []);
}

function isDone(draft: Draft): boolean {
  return draft.graph.steps.every(
    (step) => step.isCompensation || isFinalStep(draft.state(step.index)),
  );
}
