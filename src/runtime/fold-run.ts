/**
 * Folds what was submitted for one run through the engine.
 * Boundary: pure but for the rows it keeps; loading and saving is the batch's (commit-batch.ts).
 * Invariants:
 * F1 Inputs are folded in the order in which they arrived, into one draft.
 * F2 When rows are missing the draft is thrown away, and all is folded again once they are there.
 * F3 Inputs that had no turn before the units were spent come again, in their order.
 * F4 An input on which the engine throws goes back to its caller; the others are folded without it.
 */

import { type Draft, openDraft } from "../engine/draft/draft.ts";
import { MissingRows } from "../engine/draft/missing-rows.ts";
import { rowsNeeded } from "../engine/draft/prefetch.ts";
import type { Graph } from "../engine/graph/graph.ts";
import { transition } from "../engine/transition.ts";
import type { ChildRun, ChildSet } from "../engine/values/child-run.ts";
import type { Input } from "../engine/values/input.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { type ChosenAnswers, chooseOnce, type LookupSource } from "../engine/values/lookups.ts";
import type { Reply } from "../engine/values/reply.ts";
import { HAS_ROW, type Run, type StepRun } from "../engine/values/run.ts";
import type { FoundRows, WantedRows } from "../store/load-rows.ts";

/** One run of a batch: its rows as far as they are loaded, and its inputs. */
export interface RunWork {
  readonly graph: Graph;
  readonly run: Run;
  /** Version of its row as it was read; unset: inserted by this batch. */
  readonly rowVersion: string | undefined;
  input: JsonObject | undefined;
  readonly steps: Map<number, StepRun>;
  /** Which versions of the steps' rows were read. */
  readonly stepVersions: Map<number, string>;
  /** Rows of children, and the sets of them that were loaded. */
  readonly children: { readonly rows: ChildRun[]; readonly sets: ChildSet[] };
  /** Payloads of many steps that were put together in pieces (merge-in-pieces.ts). */
  readonly merged: Map<string, JsonObject>;
  /** Answers of look-ups, so that folding again gives the same transition. */
  readonly chosen: ChosenAnswers;
  /** Inputs in order; `place` is the submission's place in the batch. */
  readonly inputs: { readonly place: number; readonly input: Input }[];
}

/** What came of one input: the engine's reply, or what it threw. Inputs that had no turn have none. */
export type Folded =
  | { readonly place: number; readonly reply: Reply }
  | { readonly place: number; readonly error: unknown };

/** A run with everything folded into it. */
export interface FoldedRun {
  readonly work: RunWork;
  readonly draft: Draft;
  readonly results: Folded[];
}

/** The rows that the work's inputs will probably touch, as far as they exist and are not loaded. */
export function guessRows(work: RunWork): WantedRows {
  const steps = new Set<number>();
  const children: ChildSet[] = [];
  let runInput = false;
  for (const { input } of work.inputs) {
    const needed = rowsNeeded(work.graph, input, work.run.pending);
    for (const index of needed.steps) steps.add(index);
    runInput ||= needed.runInput;
    children.push(...(needed.children ?? []));
  }
  return { ...stillWanted(work, [...steps], runInput), children };
}

/** The round of missing rows whose lack has a run loaded whole. */
export const WHOLE_AFTER_ROUND = 4;

/** A list's rows come twice as many at each question: these are more than a batch can want. */
const ROUNDS_OF_CHILDREN = 12;

/**
 * How often rows of a run may be loaded. A run that is loaded whole lacks only rows of children. Undoing goes from step
 * to step, and the rows of a step's children decide whether it goes past that step.
 */
export function roundsAtMost({ steps }: Graph): number {
  const parents = steps.filter(({ children }) => children !== undefined).length;
  return WHOLE_AFTER_ROUND + 1 + ROUNDS_OF_CHILDREN * parents;
}

/**
 * The rows that a fold lacked in this round, counted from 1 without merges. Late rounds load every row of the run
 * except those of children.
 */
export function rowsToAdd(work: RunWork, missing: MissingRows, round: number): WantedRows {
  const { steps, runInput, children } = missing;
  if (round < WHOLE_AFTER_ROUND) return { ...stillWanted(work, steps, runInput), children };
  return { ...stillWanted(work, [...work.run.stepMarks.keys()], true), children };
}

/** Keeps rows that were loaded. */
export function keepRows(work: RunWork, wanted: WantedRows, found: FoundRows | undefined): void {
  work.children.sets.push(...(wanted.children ?? []));
  if (found === undefined) return;
  work.children.rows.push(...found.children);
  for (const step of found.steps) work.steps.set(step.index, step);
  for (const [index, version] of found.stepVersions) work.stepVersions.set(index, version);
  if (found.input !== undefined) work.input = found.input;
}

/**
 * Units that may be spent (engine/values/budget.ts): by all inputs of a run together, and by each transition, unless
 * unset.
 */
export interface FoldUnits {
  readonly run: number;
  readonly transition?: number | undefined;
}

/** Folds the inputs of the work until the units are spent, one at least, or says which rows are missing. */
export function foldRun(
  work: RunWork,
  lookups: LookupSource,
  nowMs: number,
  units: FoldUnits,
): FoldedRun | MissingRows {
  const faults = new Map<number, unknown>();
  for (;;) {
    const folded = foldOnce(work, lookups, nowMs, units, faults);
    if (folded !== undefined) return folded;
  }
}

/** Undefined when an input turned out to be faulty: `faults` has it now, and the draft is spoilt. */
function foldOnce(
  work: RunWork,
  lookups: LookupSource,
  nowMs: number,
  units: FoldUnits,
  faults: Map<number, unknown>,
): FoldedRun | MissingRows | undefined {
  const { run, steps, children, merged, input } = work;
  const rows = { run, steps, children, merged, ...(input === undefined ? {} : { input }) };
  const draft = openDraft(work.graph, rows, nowMs, units.transition);
  const results: Folded[] = [];
  for (const { place, input: next } of work.inputs) {
    if (faults.has(place)) {
      results.push({ place, error: faults.get(place) });
      continue;
    }
    if (draft.budget.spent >= units.run) break;
    try {
      results.push({ place, reply: transition(draft, next, chooseOnce(lookups, work.chosen)) });
    } catch (error) {
      if (error instanceof MissingRows) return error;
      faults.set(place, error);
      // They may hold what came of this input.
      merged.clear();
      return undefined;
    }
  }
  return { work, draft, results };
}

/** "run_continued" where one of the runs is continued, else "": a crash point's detail. */
export function detailOf(folded: readonly FoldedRun[]): string {
  const kinds = folded.flatMap(({ work }) => work.inputs.map(({ input }) => input.kind));
  return kinds.includes("run_continued") ? "run_continued" : "";
}

function stillWanted(work: RunWork, steps: readonly number[], runInput: boolean): WantedRows {
  const { run } = work;
  return {
    runId: run.id,
    steps: steps.filter(
      (index) => ((run.stepMarks[index] ?? 0) & HAS_ROW) !== 0 && !work.steps.has(index),
    ),
    runInput: runInput && work.input === undefined,
  };
}
