/**
 * Plays a script on a stage and writes down what happened.
 * Boundary: the stage is the pure engine or the runtime with its database; the transcript must not tell which.
 */
import type { BusEvent } from "../../src/engine/event.ts";
import type { Graph } from "../../src/engine/graph/graph.ts";
import { isJsonObject, type Json, type JsonObject } from "../../src/engine/json.ts";
import type { RunFacts } from "../../src/engine/new-run.ts";
import type { Move, Reply } from "../../src/engine/outcome.ts";
import type { StepRun } from "../../src/engine/run.ts";
import type { RunView, StepView } from "../../src/engine/view.ts";
import type { BareInput } from "./engine-run.ts";
import { refusedAtDoor } from "./scenario-door.ts";
import { opensRun, type ScriptItem, showJson } from "./scenario-file.ts";
import { type Happening, type MadeCall, parseHappening } from "./scenario-happening.ts";

/** When every run of a script begins: a Monday, 08:00 UTC. */
export const SCRIPT_STARTS_AT_MS = Date.UTC(2027, 0, 4, 8);

/** Where a script is played; one run at a time. */
export interface Stage {
  readonly graph: Graph;
  /** Sets the clock to SCRIPT_STARTS_AT_MS, begins another run and forgets the last one. */
  start(input: JsonObject, facts: Partial<RunFacts>): Promise<Reply>;
  /** An event comes by the bus: as `start` where it starts a run by the version's trigger. Returns whether it does.
   * What stood on the stage is forgotten in any case. */
  arrive(event: BusEvent): Promise<boolean>;
  put(input: BareInput): Promise<Reply>;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
  /** Moves and calls since they were last taken. */
  takeMoves(): Promise<readonly Move[]>;
  takeCalls(): readonly MadeCall[];
  view(): Promise<RunView>;
  /** Ids of the calls whose result is not committed. */
  openCalls(): Promise<readonly string[]>;
}

/** Between any two happenings, so that the order of times is the order of the script. */
const TICK_MS = 10;

/** Plays all runs of a script; gives the script back with the transcript that this stage wrote. */
export async function playScript(
  stage: Stage,
  items: readonly ScriptItem[],
): Promise<ScriptItem[]> {
  const played: ScriptItem[] = [];
  const calls: MadeCall[] = [];
  for (const [place, item] of items.entries()) {
    if (item.kind === "remark") {
      played.push(item);
      continue;
    }
    const lines = await playLine(stage, item.text, calls);
    const next = items.slice(place + 1).find((each) => each.kind === "happening");
    const ends = lines !== NOTHING && (next === undefined || opensRun(next.text));
    played.push({ ...item, expected: ends ? [...lines, ...(await showEnd(stage))] : lines });
  }
  return played;
}

/** An event that starts no run. */
const NOTHING: string[] = ["  nothing starts"];

async function playLine(stage: Stage, text: string, calls: MadeCall[]): Promise<string[]> {
  const happening = parseHappening(text, stage.graph, calls);
  if (happening.kind === "clock") {
    await stage.advance(happening.ms);
    return [];
  }
  const refused =
    happening.kind === "input" ? refusedAtDoor(stage.graph, happening.input) : undefined;
  if (refused !== undefined) return [`  refused invalid_fields: ${refused}`];
  const reply = await playOne(stage, happening, calls);
  if (reply === undefined) return NOTHING;
  const moves = await stage.takeMoves();
  const made = stage.takeCalls();
  calls.push(...made);
  const { run } = await stage.view();
  const lines = [
    showReply(reply),
    ...moves.map((move) => showMove(stage.graph, move)),
    ...made.map((each) => showCall(stage.graph, each)),
  ];
  return lines.map((line) => `  ${line.replaceAll(run.id, "<run>")}`);
}

async function playOne(
  stage: Stage,
  happening: Exclude<Happening, { kind: "clock" }>,
  calls: MadeCall[],
): Promise<Reply | undefined> {
  switch (happening.kind) {
    case "start":
      calls.length = 0;
      return stage.start(happening.input, happening.facts);
    case "arrive":
      calls.length = 0;
      return (await stage.arrive(happening.event)) ? { kind: "applied" } : undefined;
    case "input":
      await stage.advance(TICK_MS);
      return stage.put(happening.input);
  }
}

function showReply(reply: Reply): string {
  if (reply.kind !== "refused") return reply.kind;
  return `refused ${reply.reason}: ${reply.message}`;
}

function showMove(graph: Graph, move: Move): string {
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

/** Told apart elsewhere in the transcript, or the same in every call. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "kind",
  "workspaceId",
  "runId",
  "stepId",
  "run_id",
  "step_id",
  "attempt",
]);

function showCall(graph: Graph, { stepIndex, attempt, call }: MadeCall): string {
  const facts = tidy(JSON.parse(JSON.stringify(call)) as Json);
  const number = attempt === 1 ? "" : `#${attempt}`;
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

async function showEnd(stage: Stage): Promise<string[]> {
  const view = await stage.view();
  const open = (await stage.openCalls()).toSorted();
  const cost = view.run.totalCostUsd === 0 ? "" : ` cost ${view.run.totalCostUsd}`;
  const output = view.output === undefined ? "" : ` output ${showJson(view.output)}`;
  const lines = [
    `run ${view.run.state}${cost}${output}`,
    ...view.steps.map(showStep),
    ...(open.length === 0 ? [] : [`open calls: ${open.join(", ")}`]),
  ];
  return lines.map((line) => `= ${line.replaceAll(view.run.id, "<run>")}`);
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
  return graph.steps[index]?.def.id ?? `step ${index}`;
}
