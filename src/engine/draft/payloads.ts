/**
 * Builds inputs and outputs from stored rows: an input is the merge of the outputs along the taken edges, a transparent
 * output is the input merged with what the step adds.
 * Boundary: pure. The source finds rows (a draft throws MissingRows, a view has them all).
 */
import type { Graph } from "../graph/graph.ts";
import { type JsonObject, putValue } from "../values/json.ts";
import type { Run, StepRun } from "../values/run.ts";
import { EDGE_TAKEN, HAS_ROW, stateOfMark } from "../values/run.ts";
import type { RunView, StepView } from "../values/view.ts";

/** Finds the rows and payloads of a run. */
export interface PayloadSource {
  readonly graph: Graph;
  readonly run: Run;
  peek(index: number): StepRun;
  runInput(): JsonObject;
  /** Whether a payload of a step was left unloaded because of its size; unset: never. */
  isTooLarge?(index: number, payload: "input" | "output"): boolean;
  /** Asks for what these outputs are made of, all at once; where rows can be missing. */
  requireParts?(merge: Merge): void;
  readonly payloadMemo: Map<string, JsonObject>;
}

/** Payloads that are put together; of a key that several have, the last one counts. */
export interface Merge {
  /** The place of the result in the memo. */
  readonly key: string;
  readonly parts: readonly MergePart[];
}

/** What one step contributes: what reaches its children, or what it passes on, as a whole under `name` if that is set. */
export interface MergePart {
  readonly step: number;
  readonly payload: "input" | "output";
  readonly name?: string;
  /** Its value, where it is not stored yet. */
  readonly value?: JsonObject;
}

/**
 * A merge of more parts is put together in pieces, by queries of its own (runtime/merge-in-pieces.ts), unless its rows are
 * loaded. So many payloads of 256 KiB are the 8 MiB that a batch loads at once.
 */
export const PARTS_AT_ONCE = 32;

/** The fold needs a payload that was left unloaded because of its size. */
export class PayloadTooLarge extends Error {
  override readonly name = "PayloadTooLarge";
}

/** The input of a step that has begun or begins now. */
export function inputOf(source: PayloadSource, index: number): JsonObject {
  const begun = (mark(source, index) & HAS_ROW) !== 0;
  requireLoaded(source, index, "input");
  const reshaped = begun ? source.peek(index).input : undefined;
  return reshaped ?? mergedInput(source, index);
}

/** The merge, in edge order, of the outputs that reach a step; a root gets the run's input. */
export function mergedInput(source: PayloadSource, index: number): JsonObject {
  return remembered(source, `i${index}`, () => {
    const step = source.graph.steps[index];
    if (step === undefined || step.incoming.length === 0) return source.runInput();
    const parts: MergePart[] = [];
    for (const edgeIndex of step.incoming) {
      const edge = source.graph.edges[edgeIndex];
      if (edge === undefined || source.run.edgeMarks[edgeIndex] !== EDGE_TAKEN) continue;
      // A PARALLEL's children begin before it ends: they get its input.
      const reached = edge.role === "child";
      parts.push({ step: edge.from, payload: reached ? "input" : "output" });
    }
    return mergeOf(source, { key: `i${index}`, parts });
  });
}

/** The output of a step that ended; `{}` for one that never began. */
export function outputOf(source: PayloadSource, index: number): JsonObject {
  if ((mark(source, index) & HAS_ROW) === 0) return {};
  requireLoaded(source, index, "output");
  const row = source.peek(index);
  const { joined } = row.detail;
  if (!row.outputExtendsInput && joined === undefined) return row.output ?? {};
  return remembered(source, `o${index}`, () => {
    const base = row.outputExtendsInput ? inputOf(source, index) : {};
    const added = row.output ?? {};
    return joined === undefined
      ? merge([base, added])
      : merge([base, added, { children: childOutputs(source, index, joined) }]);
  });
}

/** The output that other steps see: without the ids of the step's child runs. */
export function passedOn(source: PayloadSource, index: number): JsonObject {
  const output = outputOf(source, index);
  if (source.graph.steps[index]?.children === undefined) return output;
  const { run_ids: _, ...rest } = output;
  return rest;
}

/** Outputs of a COMPLETED run: those of the steps that ended without a taken edge, in the version's order. */
export function runOutput(source: PayloadSource): JsonObject {
  const parts = stepsOfRunOutput(source).map((step): MergePart => ({ step, payload: "output" }));
  return mergeOf(source, { key: "run", parts });
}

/** The steps whose outputs are the run's. */
export function stepsOfRunOutput({ graph, run }: Pick<PayloadSource, "graph" | "run">): number[] {
  const ends = graph.steps.filter((step) => {
    const state = stateOfMark(run.stepMarks[step.index] ?? 0);
    if (step.isCompensation || state === "SKIPPED" || state === "CANCELLED") return false;
    return !step.outgoing.some((edge) => run.edgeMarks[edge] === EDGE_TAKEN);
  });
  return ends.map(({ index }) => index);
}

/**
 * Everything that a reader may see of a run whose rows are all loaded. `childIds`: the child runs of steps without an
 * output, whose output shows only these.
 */
export function viewRun(
  graph: Graph,
  run: Run,
  runInput: JsonObject,
  rows: ReadonlyMap<number, StepRun>,
  childIds: ReadonlyMap<number, readonly string[]> = new Map(),
): RunView {
  const source = sourceOfRows(graph, run, runInput, rows);
  const steps = visibleSteps(graph, run, rows).map((index) => {
    const view = viewStep(source, rows, index);
    const ids = childIds.get(index);
    const showsIds = ids !== undefined && view.output === undefined;
    return showsIds ? { ...view, output: { run_ids: [...ids] } } : view;
  });
  const input = run.inputUnset ? {} : { input: runInput };
  const output = run.state === "COMPLETED" ? { output: runOutput(source) } : {};
  return { run, graph, steps, ...input, ...output };
}

/** The payloads of a run whose rows are all loaded. */
export function sourceOfRows(
  graph: Graph,
  run: Run,
  runInput: JsonObject,
  rows: ReadonlyMap<number, StepRun>,
): PayloadSource {
  return {
    graph,
    run,
    runInput: () => runInput,
    payloadMemo: new Map(),
    peek: (index) => {
      const row = rows.get(index);
      if (row === undefined) throw new Error(`run ${run.id}: the row of step ${index} is missing`);
      return row;
    },
  };
}

/** A run from its marks alone: states, no rows and no payloads. */
export function viewMarks(graph: Graph, run: Run): RunView {
  const rows = new Map<number, StepRun>();
  const steps: StepView[] = [];
  for (const index of visibleSteps(graph, run, rows)) {
    const step = graph.steps[index];
    if (step !== undefined) steps.push({ step, state: stateOfMark(run.stepMarks[index] ?? 0) });
  }
  return { run, graph, steps };
}

function viewStep(
  source: PayloadSource,
  rows: ReadonlyMap<number, StepRun>,
  index: number,
): StepView {
  const step = source.graph.steps[index];
  if (step === undefined) throw new Error(`version has no step ${index}`);
  const state = stateOfMark(mark(source, index));
  const row = rows.get(index);
  if (row === undefined) return { step, state };
  const ended = row.completedAtMs !== undefined;
  const output = ended && hasOutput(row) ? { output: outputOf(source, index) } : {};
  return { step, state, row, input: inputOf(source, index), ...output };
}

/** The version's steps in order, then the compensation steps that began, by start. */
function visibleSteps(graph: Graph, run: Run, rows: ReadonlyMap<number, StepRun>): number[] {
  const own = graph.steps.filter((step) => !step.isCompensation);
  const compensating = graph.steps.filter(
    (step) => step.isCompensation && ((run.stepMarks[step.index] ?? 0) & HAS_ROW) !== 0,
  );
  const startOf = (index: number) => rows.get(index)?.startedAtMs ?? 0;
  compensating.sort((a, b) => startOf(a.index) - startOf(b.index) || a.index - b.index);
  return [...own, ...compensating].map((step) => step.index);
}

/** Whether a step has an output, even if it is only its input. */
export function hasOutput(row: StepRun): boolean {
  return row.outputExtendsInput || row.output !== undefined || row.detail.joined !== undefined;
}

function requireLoaded(source: PayloadSource, index: number, payload: "input" | "output"): void {
  if (source.isTooLarge?.(index, payload)) throw new PayloadTooLarge(`${payload} of step ${index}`);
}

function childOutputs(source: PayloadSource, index: number, joined: readonly number[]): JsonObject {
  const parts = joined.map((step): MergePart => {
    return { step, payload: "output", name: source.graph.steps[step]?.def.id ?? "" };
  });
  return mergeOf(source, { key: `c${index}`, parts });
}

/** A merge, or the one that was put together outside. */
function mergeOf(source: PayloadSource, wanted: Merge): JsonObject {
  const known = source.payloadMemo.get(wanted.key);
  if (known !== undefined) return known;
  source.requireParts?.(wanted);
  const values = wanted.parts.map((part) => partOf(source, part));
  return values.length === 1 && values[0] !== undefined ? values[0] : merge(values);
}

/** What a part of a merge contributes. */
export function partOf(source: PayloadSource, part: MergePart): JsonObject {
  const { step, payload, name, value } = part;
  const own = value ?? (payload === "input" ? inputOf(source, step) : passedOn(source, step));
  // Defined by itself: users choose step ids, and `__proto__` must stay an ordinary key.
  return name === undefined ? own : Object.fromEntries([[name, own]]);
}

function mark(source: PayloadSource, index: number): number {
  return source.run.stepMarks[index] ?? 0;
}

/**
 * Later values win. Copies each part once, however many there are; what only one part adds to is that part itself, so that a
 * payload which many steps pass on is one object.
 */
function merge(parts: readonly JsonObject[]): JsonObject {
  const [first = {}, ...others] = parts;
  if (others.every(isEmpty)) return first;
  // Spread defines own properties, whatever their names.
  const merged = { ...first };
  for (const part of others) {
    for (const [key, value] of Object.entries(part)) putValue(merged, key, value);
  }
  return merged;
}

function isEmpty(part: JsonObject): boolean {
  for (const key in part) if (Object.hasOwn(part, key)) return false;
  return true;
}

function remembered(source: PayloadSource, key: string, make: () => JsonObject): JsonObject {
  const known = source.payloadMemo.get(key);
  if (known !== undefined) return known;
  const made = make();
  source.payloadMemo.set(key, made);
  return made;
}
