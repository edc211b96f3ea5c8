/**
 * The attempts of one step, from the rows of the history in which it moved.
 * Boundary: pure, one way only.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Attempt, AttemptSchema } from "../../gen/workflows/ops/v1/runs_pb.ts";
import type { Cause } from "../engine/values/input.ts";
import type { Move, StepIds } from "../engine/values/move.ts";
import { isFinalStep, type StepState } from "../engine/values/run.ts";
import { shortError, toCauseMessage, toIds } from "./history.ts";
import { STEP_STATE_NUMBERS } from "./runs.ts";

/** A row of the history. */
interface Row {
  readonly recordedAt: Date;
  readonly cause: Cause;
  readonly moves: readonly Move[];
}

type StepMove = Extract<Move, { of: "step" }>;

interface Tried {
  readonly attempt: number;
  readonly startedAtMs: number;
  /** The step's cost when it began, in USD. */
  readonly costBefore: number;
  state: StepState;
  endedAtMs?: number;
  endedBy?: Cause;
  error: string;
  cost: number;
  ids: StepIds;
}

/** Attempts of the step, oldest first; `rows` are in the order of the history. */
export function attemptsOf(stepIndex: number, rows: readonly Row[]): Attempt[] {
  const tried: Tried[] = [];
  for (const { recordedAt, cause, moves } of rows) {
    for (const move of moves) {
      if (move.of === "step" && move.step === stepIndex) {
        apply(tried, move, recordedAt.getTime(), cause);
      }
    }
  }
  return tried.map((each, place) => toMessage(each, tried[place - 1]));
}

function apply(tried: Tried[], move: StepMove, atMs: number, cause: Cause): void {
  const { op, note, from, to, retry = 0, cost = 0, error = "", ids = {} } = move;
  // A skipped step has not been tried.
  if (to === "SKIPPED" || to === "PENDING") return;
  const last = tried.at(-1);
  const begins = op === "started" || last === undefined;
  const present = begins ? begin(tried, retry + 1, atMs, last?.cost ?? 0) : last;
  present.cost = cost;
  present.ids = { ...present.ids, ...ids };
  if (error !== "") present.error = error;
  // What comes later changes how the attempt is remembered, and not when it ended.
  const hasFailed = op === "retrying" || note === "held";
  if (from === to && op !== "started" && !hasFailed) return;
  // However a held step ends, its attempt has failed.
  const isOver = present.endedAtMs !== undefined && present.state === "FAILED";
  if (!isOver) present.state = hasFailed ? "FAILED" : to;
  if (present.endedAtMs !== undefined || !(hasFailed || isFinalStep(to))) return;
  present.endedAtMs = atMs;
  present.endedBy = cause;
}

function begin(tried: Tried[], attempt: number, startedAtMs: number, costBefore: number): Tried {
  const next: Tried = {
    ...{ attempt, startedAtMs, costBefore },
    ...{ state: "RUNNING", error: "", cost: costBefore, ids: {} },
  };
  tried.push(next);
  return next;
}

function toMessage(tried: Tried, before: Tried | undefined): Attempt {
  const { attempt, startedAtMs, endedAtMs, endedBy, cost, costBefore } = tried;
  const idleMs = startedAtMs - (before?.endedAtMs ?? startedAtMs);
  return create(AttemptSchema, {
    attempt,
    state: STEP_STATE_NUMBERS[tried.state],
    startedAt: timestampFromMs(startedAtMs),
    // Sums of costs are rounded to 1e-9.
    costUsd: Math.round((cost - costBefore) * 1e9) / 1e9,
    errorMessage: shortError(tried.error),
    ...toIds(tried.ids),
    ...(endedAtMs === undefined ? {} : { endedAt: timestampFromMs(endedAtMs) }),
    ...(endedBy === undefined ? {} : { endedBy: toCauseMessage(endedBy) }),
    idleSeconds: Math.max(0, idleMs) / 1_000,
  });
}
