/**
 * What happened on a stage as lines of a transcript.
 * Boundary: values in, text out; the caller, which knows the runs, replaces their ids.
 */
import type { Graph } from "../../../src/engine/graph/graph.ts";
import { isJsonObject, type Json } from "../../../src/engine/values/json.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import type { Reply } from "../../../src/engine/values/reply.ts";
import type { StepRun } from "../../../src/engine/values/run.ts";
import type { RunView, StepView } from "../../../src/engine/values/view.ts";
import { showJson } from "./scenario-file.ts";
import type { MadeCall } from "./scenario-happening.ts";

/** The answer to what a line of the script did. */
export function showReply(reply: Reply): string {
  if (reply.kind !== "refused") return reply.kind;
  return `refused ${reply.reason}: ${reply.message}`;
}

/** A move of a run or of one of its steps. */
export function showMove(graph: Graph, move: Move): string {
  if (move.of === "run") {
    const reason = move.reason === undefined ? "" : ` reason ${JSON.stringify(move.reason)}`;
    return `run: ${move.from} -> ${move.to} [${move.op ?? "-"}]${reason}`;
  }
  const what = move.from === move.to ? move.to : `${move.from} -> ${move.to}`;
  const facts = [
    `[${move.op ?? move.note ?? "-"}]`,
    ...(move.retry === undefined ? [] : [`retry ${move.retry}`]),
    ...(move.cost === undefined ? [] : [`cost ${move.cost}`]),
    ...Object.entries(move.ids ?? {})
      .map(([name, id]) => `${name}=${id}`)
      .toSorted(),
    ...(move.error === undefined ? [] : [`error ${showJson(move.error)}`]),
  ];
  return `${idOf(graph, move.step)}: ${what} ${facts.join(" ")}`;
}

/** Distinguished elsewhere in the transcript, or the same in every call. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "kind",
  "workspaceId",
  "runId",
  "stepId",
  "run_id",
  "step_id",
  "attempt",
  "parentDefinitionId",
]);

/** A call that a move wants. */
export function showCall(graph: Graph, { stepIndex, attempt, call }: MadeCall): string {
  const facts = tidy(JSON.parse(JSON.stringify(call)) as Json);
  const number = attempt <= 1 ? "" : `#${attempt}`;
  return `call ${idOf(graph, stepIndex)} ${call.kind}${number} ${showJson(facts)}`;
}

/** Without what is empty; texts that hold a JSON object are opened. */
function tidy(value: Json): Json {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).flatMap(([key, field]): [string, Json][] => {
    if (LEFT_OUT.has(key)) return [];
    if (key === "context" || key === "payload" || key === "description") {
      const opened = typeof field === "string" ? (JSON.parse(field) as Json) : field;
      return [[key, tidy(opened)]];
    }
    return isEmpty(field) ? [] : [[key, field]];
  });
  return Object.fromEntries(entries);
}

function isEmpty(value: Json): boolean {
  if (isJsonObject(value)) return Object.keys(value).length === 0;
  return value === "" || value === null || (Array.isArray(value) && value.length === 0);
}

/** How a run stands in the end. */
export function showEnd(view: RunView, openCalls: readonly string[]): string[] {
  const open = openCalls.toSorted();
  const cost = view.run.totalCostUsd === 0 ? "" : ` cost ${view.run.totalCostUsd}`;
  const output = view.output === undefined ? "" : ` output ${showJson(view.output)}`;
  return [
    `run ${view.run.state}${cost}${output}`,
    ...view.steps.map(showStep),
    ...(open.length === 0 ? [] : [`open calls: ${open.join(", ")}`]),
  ];
}

function showStep({ step, state, row, input, output }: StepView): string {
  const facts = [
    `${step.def.id} ${state}`,
    ...(row === undefined ? [] : rowFacts(row)),
    ...(input === undefined ? [] : [`in ${showJson(input)}`]),
    ...(output === undefined ? [] : [`out ${showJson(output)}`]),
    ...(row === undefined || row.errorMessage === ""
      ? []
      : [`error ${showJson(row.errorMessage)}`]),
  ];
  return facts.join(" ");
}

function rowFacts(row: StepRun): string[] {
  return [
    ...(row.retryCount === 0 ? [] : [`retry ${row.retryCount}`]),
    ...(row.costUsd === 0 ? [] : [`cost ${row.costUsd}`]),
  ];
}

function idOf(graph: Graph, index: number): string {
  // A call without a step is the run's own.
  return graph.steps[index]?.def.id ?? "run";
}
