/**
 * Runs.GetPayload of workflows.ops.v1: one payload of a run or a step.
 * Boundary: reads; which stored payloads a merged one is made of is asked of the engine, and these alone are read.
 */
import {
  type GetPayloadRequest,
  GetPayloadRequestSchema,
  PayloadKind,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import {
  hasOutput,
  inputOf,
  outputOf,
  type PayloadSource,
  runOutput,
  sourceOfRows,
} from "../../engine/draft/payloads.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import { isJsonObject, type JsonObject } from "../../engine/values/json.ts";
import type { StepRun } from "../../engine/values/run.ts";
import { Refusal } from "../../process/refusal.ts";
import { findErrorText } from "../../store/reads/error-texts.ts";
import { findRunOutline, findRunWith, type WholeRun } from "../../store/reads/many-runs.ts";
import { payloadSize } from "../../wire/payload-sizes.ts";
import { checkFields } from "./fields.ts";
import { ANSWER_BYTES } from "./left-out.ts";
import { graphOf, unknownRun } from "./run-answers.ts";
import type { ReadDeps } from "./service-deps.ts";
import { unknownStep } from "./steps.ts";

type Kind = "input" | "output";

/** Stored payloads: those of steps by their index. The run's input is always read. */
interface Stored {
  readonly inputs: number[];
  readonly outputs: number[];
}

/** A payload has 256 KiB at most, but what it is merged from may hold more that is overwritten. */
const READ_BYTES = 16 * 1024 * 1024;
/** A run may move on between the two reads; so many times both are done again. */
const TRIES = 5;
const STORED = /^([io])(\d+)$/;

/** GetPayload: unset where there is none yet. */
export async function answerGetPayload(deps: ReadDeps, request: GetPayloadRequest) {
  const { runId, stepId } = request;
  const faults = checkFields(GetPayloadRequestSchema, request);
  faults.require("run_id", runId);
  if (request.kind === PayloadKind.UNSPECIFIED) faults.add("kind", "is required: INPUT or OUTPUT");
  faults.refuseIfAny();
  const kind = request.kind === PayloadKind.INPUT ? "input" : "output";
  const { database, visibility } = deps;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const outline = await findRunOutline(database.callers, visibility, runId);
    if (outline === undefined) throw unknownRun(runId);
    const graphs = await deps.graphs.require([outline.run.versionId]);
    const graph = graphOf(graphs, outline.run);
    const index = indexOf(graph, stepId);
    const stored = storedOf(graph, outline, index, kind);
    const whole = await findRunWith(database.callers, visibility, runId, stored, READ_BYTES);
    if (whole?.run.seq !== outline.run.seq) continue;
    const payload = readPayload(graph, whole, index, kind, stored);
    const errorMessage = await findErrorText(database.callers, visibility, runId, index);
    return { ...(payload === undefined ? {} : { payload }), errorMessage };
  }
  throw new Refusal("lost_race", "the run moves on while it is read; try again");
}

/** The step's place in the version; -1 is the run itself. */
function indexOf(graph: Graph, stepId: string): number {
  if (stepId === "") return -1;
  const index = graph.indexById.get(stepId);
  if (index === undefined) throw unknownStep(stepId);
  return index;
}

/** What the payload is merged from: each stored payload stands as a field with a name of its own. */
function storedOf(graph: Graph, outline: WholeRun, index: number, kind: Kind): Stored {
  const rows = new Map<number, StepRun>();
  for (const [at, row] of outline.steps) {
    rows.set(at, {
      ...row,
      ...(outline.missing.inputs.has(at) ? { input: { [`i${at}`]: true } } : {}),
      ...(outline.missing.outputs.has(at) ? { output: { [`o${at}`]: true } } : {}),
    });
  }
  const source = sourceOfRows(graph, outline.run, {}, rows);
  const names = namesIn(payloadOf(source, rows, outline, index, kind) ?? {});
  const placed = names.map((name) => STORED.exec(name)).filter((found) => found !== null);
  const indexes = (letter: string) =>
    placed.filter(([, of]) => of === letter).map(([, , at]) => Number(at));
  return { inputs: indexes("i"), outputs: indexes("o") };
}

/** Names of fields at any depth: the outputs of a PARALLEL's children stand below it. */
function namesIn(payload: JsonObject): string[] {
  return Object.entries(payload).flatMap(([name, value]) =>
    isJsonObject(value) ? namesIn(value) : [name],
  );
}

function readPayload(
  graph: Graph,
  whole: WholeRun,
  index: number,
  kind: Kind,
  stored: Stored,
): JsonObject | undefined {
  const unread = [
    ...stored.inputs.filter((at) => whole.missing.inputs.has(at)),
    ...stored.outputs.filter((at) => whole.missing.outputs.has(at)),
  ];
  if (unread.length > 0) {
    const message = `the payload is merged from more than the limit of ${READ_BYTES} bytes`;
    throw new Refusal("too_large", `${message}; read the payloads of the steps before it`);
  }
  const source = sourceOfRows(graph, whole.run, whole.input, whole.steps);
  const payload = payloadOf(source, whole.steps, whole, index, kind);
  const bytes = payload === undefined ? 0 : payloadSize(payload);
  if (bytes <= ANSWER_BYTES) return payload;
  const message = `the payload has ${bytes} bytes, over the limit of ${ANSWER_BYTES} bytes`;
  throw new Refusal("too_large", `${message}; read the outputs of the last steps`);
}

function payloadOf(
  source: PayloadSource,
  rows: ReadonlyMap<number, StepRun>,
  { run, childIds }: WholeRun,
  index: number,
  kind: Kind,
): JsonObject | undefined {
  if (index === -1) {
    if (kind === "input") return run.inputUnset ? undefined : source.runInput();
    return run.state === "COMPLETED" ? runOutput(source) : undefined;
  }
  const row = rows.get(index);
  if (row === undefined) return undefined;
  if (kind === "input") return inputOf(source, index);
  if (row.completedAtMs !== undefined && hasOutput(row)) return outputOf(source, index);
  const ids = childIds.get(index);
  return ids === undefined ? undefined : { run_ids: [...ids] };
}
