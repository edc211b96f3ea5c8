/**
 * Runs that fit into one answer: which payloads are left out, and the views without them.
 * Boundary: pure; the caller reads the rows and sets the header that lists what is left out.
 * Invariants:
 * F1 The largest payloads are left out first, by powers of two; of those of one power inputs before outputs. So a small
 *    input stays where a large output is left out, and the input of a step that passes its input on goes before its output.
 * F2 Only payloads that stay are merged: sizes are computed without merging (payload-sizes.ts).
 */

import {
  hasOutput,
  inputOf,
  outputOf,
  runOutput,
  sourceOfRows,
  viewRun,
} from "../engine/draft/payloads.ts";
import type { Graph } from "../engine/graph/graph.ts";
import { type JsonObject, jsonSizeBytes } from "../engine/values/json.ts";
import type { Run, StepRun } from "../engine/values/run.ts";
import type { RunView, StepView } from "../engine/values/view.ts";
import { fieldSizes, payloadSize, sizeOfFields } from "./payload-sizes.ts";

/** A run as it was read: with its rows, and with those of its payloads that are not in `missing`. */
export interface ReadRun {
  readonly graph: Graph;
  readonly run: Run;
  readonly input: JsonObject;
  readonly steps: ReadonlyMap<number, StepRun>;
  readonly childIds: ReadonlyMap<number, readonly string[]>;
  readonly missing: {
    readonly runInput: boolean;
    readonly inputs: ReadonlySet<number>;
    readonly outputs: ReadonlySet<number>;
  };
}

/** Runs as they are shown, and what of them is not. */
export interface FittedRuns {
  readonly views: readonly RunView[];
  readonly leftOut: readonly LeftOut[];
}

/** A payload that is left out; `stepId` is unset for the run's own. */
export interface LeftOut {
  readonly runId: string;
  readonly stepId?: string;
}

/** The place of a payload; index -1: the run's own. */
interface Place {
  readonly at: number;
  readonly index: number;
  readonly kind: "input" | "output";
  readonly bytes: number;
}

const RUN_ITSELF = -1;
// Names of the fields and values that are no text, as JSON.
const RUN_BYTES = 900;
const STEP_BYTES = 160;
const BEGUN_STEP_BYTES = 450;
const ERROR_CHARS_TOGETHER = 512 * 1024;

/**
 * These runs in at most `roomBytes`. The answer contains the payloads of the step with the index `twice` two times, so
 * they are the last to be left out; it is a step of the only run.
 */
export function fitRuns(
  runs: readonly ReadRun[],
  roomBytes: number,
  twice?: number | undefined,
): FittedRuns {
  const cut = cutErrors(runs);
  const whole = wholeViews(cut, roomBytes, twice);
  if (whole !== undefined) return { views: whole, leftOut: [] };
  const sized = cut.map(viewSizes);
  const bare = sized.reduce((sum, view) => sum + bareBytes(view, twice), 0);
  const places = sized.flatMap((view, at) => placesOf(view, at));
  const kept = chooseKept(places, roomBytes - bare, twice);
  const views = sized.map((view, at) => {
    const run = cut[at];
    return run === undefined
      ? view
      : fillView(run, view, (index, kind) => kept.has(key(at, index, kind)));
  });
  const leftOut = places
    .filter(({ at, index, kind }) => !kept.has(key(at, index, kind)))
    .map(({ at, index }) => leftOutOf(sized[at], index));
  return { views, leftOut };
}

/** The runs with all their payloads, where these surely fit; nearly always they do. */
function wholeViews(
  runs: readonly ReadRun[],
  roomBytes: number,
  twice: number | undefined,
): RunView[] | undefined {
  let left = roomBytes;
  for (const run of runs) left -= payloadsAtMost(run, twice);
  if (left < 0) return undefined;
  const views = runs.map(({ graph, run, input, steps, childIds }) =>
    viewRun(graph, run, input, steps, childIds),
  );
  for (const view of views) left -= bareBytes(view, twice);
  return left < 0 ? undefined : views;
}

/**
 * What the payloads of a run take at most: a merged one has no field that is not stored in one of those that it is made
 * of. Infinity where that is not so: a PARALLEL holds outputs in its own.
 */
function payloadsAtMost(
  { input, steps, childIds, missing }: ReadRun,
  twice: number | undefined,
): number {
  const { runInput, inputs, outputs } = missing;
  if (runInput || inputs.size + outputs.size + childIds.size > 0) return Number.POSITIVE_INFINITY;
  let stored = payloadSize(input);
  for (const row of steps.values()) {
    if (row.detail.joined !== undefined) return Number.POSITIVE_INFINITY;
    if (row.input !== undefined) stored += payloadSize(row.input);
    if (row.output !== undefined) stored += payloadSize(row.output);
  }
  const shown = 2 * (steps.size + 1 + (twice === undefined ? 0 : 1));
  return shown * stored;
}

/** At most so many bytes a run takes without its payloads. */
export function bareBytes({ run, steps }: RunView, twice?: number | undefined): number {
  const texts = [
    run.id,
    run.definitionId,
    run.workspaceId,
    run.triggerEventId,
    run.initiatorAgentId,
    run.initiatorUserId,
    run.parentRunId,
    run.entityId,
    run.entityType,
  ];
  return steps.reduce(
    (sum, step) => sum + stepBytes(step) * (step.step.index === twice ? 2 : 1),
    RUN_BYTES + textBytes(texts),
  );
}

function stepBytes({ step, row }: StepView): number {
  const named = STEP_BYTES + textBytes([step.def.id, step.def.name]);
  if (row === undefined) return named;
  const texts = [
    row.objectiveId,
    row.agentId,
    row.delegationId,
    row.approvalRequestId,
    row.governanceDecision,
    row.eventId,
    row.notificationId,
    row.errorMessage,
  ];
  return named + BEGUN_STEP_BYTES + textBytes(texts);
}

function textBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + jsonSizeBytes(text), 0);
}

/** The view of a run whose payloads hold the sizes of their fields. */
function viewSizes({ graph, run, input, steps, childIds, missing }: ReadRun): RunView {
  const unread: JsonObject = { "": Number.POSITIVE_INFINITY };
  const sizesOf = (payload: JsonObject | undefined, isMissing: boolean, name: string) =>
    isMissing ? unread : payload && fieldSizes(payload, name);
  const rows = new Map<number, StepRun>();
  for (const [index, row] of steps) {
    const { input: given, output, ...rest } = row;
    const ownInput = sizesOf(given, missing.inputs.has(index), `\u0000i${index}`);
    const ownOutput = sizesOf(output, missing.outputs.has(index), `\u0000o${index}`);
    rows.set(index, {
      ...rest,
      ...(ownInput === undefined ? {} : { input: ownInput }),
      ...(ownOutput === undefined ? {} : { output: ownOutput }),
    });
  }
  const runInput = missing.runInput ? unread : fieldSizes(input, "\u0000r");
  return viewRun(graph, run, runInput, rows, childIds);
}

function placesOf(view: RunView, at: number): Place[] {
  const steps = view.steps.map(({ step, input, output }) => ({ index: step.index, input, output }));
  return [{ index: RUN_ITSELF, input: view.input, output: view.output }, ...steps].flatMap(
    ({ index, input, output }) => [
      ...(input === undefined
        ? []
        : [{ at, index, kind: "input" as const, bytes: sizeOfFields(input) }]),
      ...(output === undefined
        ? []
        : [{ at, index, kind: "output" as const, bytes: sizeOfFields(output) }]),
    ],
  );
}

function chooseKept(places: readonly Place[], roomBytes: number, twice?: number): Set<string> {
  const isTwice = ({ index }: Place) => index !== RUN_ITSELF && index === twice;
  const rank = (place: Place) =>
    isTwice(place) ? -1 : 2 * Math.floor(Math.log2(place.bytes)) + (place.kind === "input" ? 1 : 0);
  const ordered = places
    .map((place) => ({ place, rank: rank(place) }))
    .sort((a, b) => a.rank - b.rank || a.place.bytes - b.place.bytes);
  const kept = new Set<string>();
  let left = roomBytes;
  for (const { place } of ordered) {
    left -= place.bytes * (isTwice(place) ? 2 : 1);
    if (left < 0) break;
    kept.add(key(place.at, place.index, place.kind));
  }
  return kept;
}

function key(at: number, index: number, kind: Place["kind"]): string {
  return `${at} ${index} ${kind}`;
}

function fillView(
  { graph, run, input, steps: rows }: ReadRun,
  sized: RunView,
  stays: (index: number, kind: Place["kind"]) => boolean,
): RunView {
  const source = sourceOfRows(graph, run, input, rows);
  const steps = sized.steps.map((view): StepView => {
    const { step, state, input: sizedInput, output: sizedOutput } = view;
    const row = rows.get(step.index);
    const { index } = step;
    const showsInput = sizedInput !== undefined && stays(index, "input");
    const showsOutput = sizedOutput !== undefined && stays(index, "output");
    // Ids of children are shown while there is no output; they are no sizes.
    const isStored = row?.completedAtMs !== undefined && hasOutput(row);
    return {
      step,
      state,
      ...(row === undefined ? {} : { row }),
      ...(showsInput ? { input: inputOf(source, index) } : {}),
      ...(showsOutput ? { output: isStored ? outputOf(source, index) : sizedOutput } : {}),
    };
  });
  const showsOutput = sized.output !== undefined && stays(RUN_ITSELF, "output");
  return {
    run,
    graph,
    steps,
    ...(stays(RUN_ITSELF, "input") ? { input } : {}),
    ...(showsOutput ? { output: runOutput(source) } : {}),
  };
}

/** Error texts of many steps are cut to an equal share. */
function cutErrors(runs: readonly ReadRun[]): readonly ReadRun[] {
  const texts = runs.flatMap(({ steps }) =>
    [...steps.values()].map(({ errorMessage }) => errorMessage).filter((text) => text !== ""),
  );
  if (texts.reduce((sum, text) => sum + text.length, 0) <= ERROR_CHARS_TOGETHER) return runs;
  const charsAtMost = Math.floor(ERROR_CHARS_TOGETHER / texts.length);
  return runs.map((run) => ({
    ...run,
    steps: new Map(
      [...run.steps].map(([index, row]): [number, StepRun] => [
        index,
        { ...row, errorMessage: cutText(row.errorMessage, charsAtMost) },
      ]),
    ),
  }));
}

/** The text, or its beginning and a sign that there is more. */
function cutText(text: string, charsAtMost: number): string {
  return text.length <= charsAtMost ? text : `${text.slice(0, charsAtMost - 1).toWellFormed()}…`;
}

function leftOutOf(view: RunView | undefined, index: number): LeftOut {
  const runId = view?.run.id ?? "";
  const step = view?.graph.steps[index];
  return step === undefined ? { runId } : { runId, stepId: step.def.id };
}
