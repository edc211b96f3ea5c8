/**
 * Runs.GetHistory and Runs.GetAttempts of workflows.ops.v1.
 * Boundary: reads; what a row of the history says is wire/history.ts.
 */
import { toBinary } from "@bufbuild/protobuf";
import {
  type GetAttemptsRequest,
  GetAttemptsRequestSchema,
  type GetHistoryRequest,
  GetHistoryRequestSchema,
  type Move,
  MoveSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import type { Run } from "../../engine/values/run.ts";
import {
  findHistory,
  findHistoryOfStep,
  LOOKED_THROUGH,
  OF_A_STEP,
  type RecordedRow,
} from "../../store/reads/run-history.ts";
import { findRuns } from "../../store/reads/runs.ts";
import { attemptsOf } from "../../wire/attempts.ts";
import { toMoveMessage } from "../../wire/history.ts";
import { checkFields } from "./fields.ts";
import { ANSWER_BYTES } from "./left-out.ts";
import { graphOf, unknownRun } from "./run-answers.ts";
import { cursorOf, readCursor } from "./run-cursors.ts";
import type { ReadDeps } from "./service-deps.ts";
import { unknownStep } from "./steps.ts";

const PAGE_SIZE = 50;
const PAGE_SIZE_AT_MOST = 500;

/** GetHistory: a page of moves. */
export async function answerGetHistory(deps: ReadDeps, request: GetHistoryRequest) {
  const { runId, pageSize, pageToken, newestFirst } = request;
  const faults = checkFields(GetHistoryRequestSchema, request);
  faults.require("run_id", runId);
  if (pageSize < 0 || pageSize > PAGE_SIZE_AT_MOST) {
    const range = `0 (the default of ${PAGE_SIZE}) to ${PAGE_SIZE_AT_MOST}`;
    faults.add("page_size", `is ${pageSize}; it must be ${range}`);
  }
  faults.refuseIfAny();
  const { run, graph } = await requireRun(deps, runId);
  const order = newestFirst ? "desc" : "";
  const first = newestFirst ? run.seq + 1 : 0;
  const seq = pageToken === "" ? first : readCursor(pageToken, "page_token", run, order);
  const page = { seq, isDescending: newestFirst, limit: pageSize === 0 ? PAGE_SIZE : pageSize };
  const rows = await findHistory(deps.database.callers, deps.visibility, runId, page);
  const moves = fitting(rows.map((row) => moveOf(runId, graph, row)));
  const last = Number(moves.at(-1)?.seq ?? seq);
  const isLast = moves.length === 0 || (newestFirst ? last <= 1 : last >= run.seq);
  return {
    moves,
    nextPageToken: isLast ? "" : cursorOf(runId, last, order),
    totalSize: run.seq,
  };
}

/** GetAttempts: those of one step. */
export async function answerGetAttempts(deps: ReadDeps, request: GetAttemptsRequest) {
  const { runId, stepId } = request;
  const faults = checkFields(GetAttemptsRequestSchema, request);
  faults.require("run_id", runId);
  faults.require("step_id", stepId);
  faults.refuseIfAny();
  const { run, graph } = await requireRun(deps, runId);
  const index = graph.indexById.get(stepId);
  if (index === undefined) throw unknownStep(stepId);
  const rows = await findHistoryOfStep(deps.database.callers, deps.visibility, runId, index);
  const truncated = run.seq > LOOKED_THROUGH || rows.length >= OF_A_STEP;
  return { attempts: attemptsOf(index, rows.toReversed()), truncated };
}

/** The run and its version; not_found when the call sees none. */
export async function requireRun(
  { database, visibility, graphs }: ReadDeps,
  runId: string,
): Promise<{ run: Run; graph: Graph }> {
  const [run] = await findRuns(database.callers, visibility, [runId]);
  if (run === undefined) throw unknownRun(runId);
  return { run, graph: graphOf(await graphs.require([run.versionId]), run) };
}

/** A row as a message with its cursor. */
export function moveOf(runId: string, graph: Graph, row: RecordedRow): Move {
  const { seq, recordedAt, cause, moves } = row;
  const cursor = cursorOf(runId, seq);
  return toMoveMessage(graph, { runId, cursor, seq, atMs: recordedAt.getTime(), cause, moves });
}

/** As many of the first as one answer holds, at least one. */
function fitting(moves: readonly Move[]): Move[] {
  let bytes = 0;
  const over = moves.findIndex((move, place) => {
    bytes += toBinary(MoveSchema, move).byteLength;
    return place > 0 && bytes > ANSWER_BYTES;
  });
  return moves.slice(0, over === -1 ? undefined : over);
}
