/** Moves of a run for people and programs. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Cause,
  Cause_Kind,
  type Move,
  MoveSchema,
  type StateChange,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import type { Json } from "../engine/values/json.ts";
import type { Output } from "./output.ts";
import { nameOf } from "./show-run.ts";

/** The head of rows of moves. */
export const MOVE_HEAD = ["TIME", "MOVE", "STEP", "FROM", "TO", "CAUSE", "NOTE"];

/** A row for each change of the move. */
export function rowsOf({ at, seq, cause, changes }: Move): string[][] {
  const time = at === undefined ? "" : timestampDate(at).toISOString();
  return changes.map((change) => [
    time,
    String(seq),
    change.stepId,
    ...statesOf(change),
    causeText(cause),
    noteOf(change),
  ]);
}

/** The move by the names of its fields. */
export function moveJson(move: Move): Json {
  return toJson(MoveSchema, move, { useProtoFieldName: true }) as Json;
}

/** The move by the names of its fields, or its cursor with --quiet. */
export function printMove(move: Move, out: Output): void {
  if (out.json) out.object(moveJson(move));
  else out.line(move.cursor);
}

function statesOf({ stepId, runFrom, runTo, stepFrom, stepTo }: StateChange): string[] {
  if (stepId === "") return [nameOf(WorkflowState, runFrom), nameOf(WorkflowState, runTo)];
  return [nameOf(StepRunState, stepFrom), nameOf(StepRunState, stepTo)];
}

function causeText(cause: Cause | undefined): string {
  if (cause === undefined) return "";
  const { kind, id, actor, reason, via } = cause;
  const by = actor === "" ? "" : ` by ${actor}`;
  const through = via === "" ? "" : ` through ${via}`;
  const why = reason === "" ? "" : `: ${reason}`;
  return `${nameOf(Cause_Kind, kind).toLowerCase()} ${id}${by}${through}${why}`;
}

function noteOf({ operation, note, reason, errorMessage }: StateChange): string {
  const done = note === "" ? operation : note;
  return [done, reason, errorMessage].filter((text) => text !== "").join(": ");
}
