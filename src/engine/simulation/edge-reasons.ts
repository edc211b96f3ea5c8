/**
 * Why an edge was taken or not, in one sentence.
 * Boundary: read after the transition that decided the edge; decides nothing. What it evaluates again was evaluated then.
 */
import type { Draft } from "../draft/draft.ts";
import { outputOf } from "../draft/payloads.ts";
import { evaluateIn } from "../draft/scope.ts";
import type { GraphEdge, GraphStep } from "../graph/graph.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { StepRun } from "../values/run.ts";

const SHOWN_CHARS = 120;

/** The sentence. */
export function reasonOfEdge(draft: Draft, edge: GraphEdge, isTaken: boolean): string {
  const step = draft.step(edge.from);
  const { id } = step.def;
  const state = draft.marks.state(edge.from);
  if (edge.role === "child" && isTaken) return `${id} starts all of its steps`;
  if (state === "SKIPPED" || state === "CANCELLED") return `${id} was ${state.toLowerCase()}`;
  const row = draft.marks.hasRow(edge.from) ? draft.rows.peek(edge.from) : undefined;
  if (row === undefined) return `${id} did not run`;
  const output = outputOf(draft.payloads, edge.from);
  if (row.detail.chosen !== undefined) return reasonOfChoice(draft, step, edge, row, output);
  const outcome = goesOn(step, row) ? GOES_ON : outcomeOfRow(row);
  const ended = `${id} ${wordsOf(outcome)}`;
  const condition = edge.condition === undefined ? "" : shownCondition(draft, edge, output);
  if (isTaken) return condition === "" ? ended : `${ended}, and ${condition}`;
  if (!fitsRole(edge, outcome)) {
    return `${ended}, and this path is for ${edge.label === "" ? "a success" : edge.label}`;
  }
  return condition === "" ? `another path of ${id} was taken` : condition;
}

/** The step timed out, or failed, and the run goes on as if it had succeeded. */
const GOES_ON = "goes on";

function goesOn({ onError }: GraphStep, { state, outputExtendsInput }: StepRun): boolean {
  const isCaught = state === "FAILED" && outputExtendsInput;
  return state === "FAILED" && !isCaught && (onError === "continue" || onError === "fallback");
}

function wordsOf(outcome: string): string {
  if (outcome === "") return "succeeded";
  return outcome === GOES_ON ? "did not succeed, and the run goes on" : `ended as ${outcome}`;
}

/** How a step ended where that is no plain success; "" for one. */
export function outcomeOfRow(row: StepRun): string {
  const { output, outputExtendsInput, state, detail } = row;
  const named = outputExtendsInput ? output?.outcome : undefined;
  if (typeof named === "string") return named;
  if (outputExtendsInput && output?.timed_out === true) return GOES_ON;
  if (detail.skipped === true) return "skipped";
  return state === "FAILED" ? "error" : "";
}

function reasonOfChoice(
  draft: Draft,
  step: GraphStep,
  edge: GraphEdge,
  row: StepRun,
  output: JsonObject,
): string {
  const isChosen = row.detail.chosen === edge.index;
  if (edge.condition !== undefined) {
    const chosen = draft.graph.edges[row.detail.chosen ?? -1];
    const isLater = chosen !== undefined && chosen.index < edge.index;
    const before = draft.graph.steps[chosen?.to ?? -1]?.def.id ?? "";
    if (!isChosen && isLater) return `${before} came first`;
    return shownCondition(draft, edge, output);
  }
  if (step.condition !== undefined) {
    const value = `${shorten(step.condition.source)} is ${shown(output.value)}`;
    const isRest = edge.label === "" || edge.label === "default";
    return isChosen && isRest ? `${value}, which no other path is for` : value;
  }
  return isChosen ? "no other condition holds" : "another condition holds";
}

/** Whether an edge can be taken after such an end, its condition apart. */
function fitsRole({ role, label }: GraphEdge, outcome: string): boolean {
  if (role === "timeout_action") return outcome === "timeout";
  if (role === "success" || role === "approved" || role === "joined" || role === "child") {
    return outcome === "" || (role !== "approved" && outcome === GOES_ON);
  }
  return role === outcome || label === outcome;
}

function shownCondition(draft: Draft, edge: GraphEdge, output: JsonObject): string {
  if (edge.condition === undefined) return "";
  const evaluation = evaluateIn(draft, edge.condition, output);
  const source = shorten(edge.condition.source);
  return evaluation.ok
    ? `${source} is ${shown(evaluation.value)}`
    : `${source} has no value, so it does not hold`;
}

function shown(value: Json | undefined): string {
  return shorten(value === undefined ? "unset" : JSON.stringify(value));
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= SHOWN_CHARS ? line : `${line.slice(0, SHOWN_CHARS - 1).toWellFormed()}…`;
}
