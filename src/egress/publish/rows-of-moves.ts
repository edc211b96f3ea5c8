/**
 * Which rows the events of a run's moves are made of.
 * Boundary: pure; a guess that is nearly always enough. What it misses is RowsMissing, and then all rows are loaded.
 */

import {
  type PayloadSource,
  PayloadTooLarge,
  stepsOfRunOutput,
} from "../../engine/draft/payloads.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import { STEP_FACTS } from "../../engine/steps/registry.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import type { Move } from "../../engine/values/move.ts";
import { EDGE_TAKEN, HAS_ROW, type Run, type StepRun } from "../../engine/values/run.ts";
import type { FoundRows, WantedRows } from "../../store/load-rows.ts";

/** A row that an event needs was not loaded. */
export class RowsMissing extends Error {
  override readonly name = "RowsMissing";
}

/** The rows that events of these moves probably need: the moved steps and what their inputs are made of. */
export function rowsOfMoves(run: Run, graph: Graph, moves: readonly Move[]): WantedRows {
  const published = moves.filter((move) => move.op !== undefined);
  const wanted = new Set<number>();
  if (published.some((move) => move.of === "run" && move.to === "COMPLETED")) {
    const ends = stepsOfRunOutput({ graph, run }).filter((index) => hasRow(run, index));
    if (!ends.every((index) => hasOwnOutput(graph, index))) return allRows(run);
    for (const index of ends) wanted.add(index);
  }
  // A row that is wanted as a source may be walked later, for a move of its own.
  const walked = new Set<number>();
  let runInput = false;
  const open: number[] = [];
  for (const move of published) {
    if (move.of === "run") runInput = true;
    else if (hasRow(run, move.step)) open.push(move.step);
  }
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const step = graph.steps[index];
    if (step === undefined || walked.has(index)) continue;
    walked.add(index);
    wanted.add(index);
    if (step.incoming.length === 0 && !step.isCompensation) runInput = true;
    for (const source of sourcesOf(run, graph, step.incoming)) {
      if (hasOwnOutput(graph, source)) wanted.add(source);
      else open.push(source);
    }
  }
  return { runId: run.id, steps: [...wanted], runInput };
}

/** Whether the output of a step is all in its own row. */
function hasOwnOutput(graph: Graph, index: number): boolean {
  const step = graph.steps[index];
  return step !== undefined && STEP_FACTS[step.type].passesInput === "never";
}

/** Every row of the run, and its input. */
export function allRows(run: Run): WantedRows {
  const steps = [...run.stepMarks.keys()].filter((index) => hasRow(run, index));
  return { runId: run.id, steps, runInput: true };
}

/** Rows that need not be read; undefined is the row of a step that has to be. */
export interface KnownRows {
  readonly steps: ReadonlyMap<number, StepRun | undefined>;
  readonly input: JsonObject | undefined;
}

/** What is wanted and not known. */
export function rowsToRead(wanted: WantedRows, known: KnownRows | undefined): WantedRows {
  if (known === undefined) return wanted;
  return {
    ...wanted,
    steps: wanted.steps.filter((index) => known.steps.get(index) === undefined),
    runInput: wanted.runInput && known.input === undefined,
  };
}

/** The run's payloads as far as they were loaded, or known before. */
export function payloadsOf(
  run: Run,
  graph: Graph,
  found: FoundRows | undefined,
  known?: KnownRows,
): PayloadSource {
  const rows = new Map(known?.steps);
  for (const row of found?.steps ?? []) rows.set(row.index, standIn(row, found));
  return {
    graph,
    run,
    payloadMemo: new Map<string, JsonObject>(),
    isTooLarge: (index, payload) => found?.tooLarge.get(index)?.[payload] ?? false,
    peek(index) {
      const row = rows.get(index);
      if (row === undefined) throw new RowsMissing(`run ${run.id}: the row of step ${index}`);
      return row;
    },
    runInput() {
      if (found?.inputTooLarge) throw new PayloadTooLarge(`run ${run.id}: its input`);
      const input = found?.input ?? known?.input;
      if (input === undefined) throw new RowsMissing(`run ${run.id}: its input`);
      return input;
    },
  };
}

/** A step has an output also where it was left in the database. */
function standIn(row: StepRun, found: FoundRows | undefined): StepRun {
  const tooLarge = found?.tooLarge.get(row.index);
  return tooLarge?.output ? { ...row, output: {} } : row;
}

function sourcesOf(run: Run, graph: Graph, incoming: readonly number[]): number[] {
  return incoming.flatMap((index) => {
    const edge = graph.edges[index];
    const taken = edge !== undefined && run.edgeMarks[index] === EDGE_TAKEN;
    return taken && hasRow(run, edge.from) ? [edge.from] : [];
  });
}

function hasRow(run: Run, index: number): boolean {
  return ((run.stepMarks[index] ?? 0) & HAS_ROW) !== 0;
}
