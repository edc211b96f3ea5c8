/**
 * Replays a run's history: its moves, checked against the table of legal moves, give the states of run and steps.
 * Boundary: pure; reads moves alone, neither the version nor payloads, so that histories of every release can be read.
 * Invariants:
 * H1 Rows follow one another from 1 without a gap.
 * H2 A move begins in the state in which the last one ended, and is in the table or stays where it is: a note, or the
 *    start of another attempt.
 * H3 A move of the run carries the marks of the steps at that time.
 */
import { isLegalRunMove, isLegalStepMove } from "./moves.ts";
import type { Move } from "./values/move.ts";
import { type RunState, type StepState, stateOfMark } from "./values/run.ts";

/** What the moves say of a step. */
interface ReplayedStep {
  readonly state: StepState;
  readonly retryCount: number;
  /** As of its last move. */
  readonly costUsd: number;
}

/** A run as its moves describe it; every applied move changes it. */
export interface Replay {
  state: RunState;
  /** Sequence of the last row; 0 before the first. */
  seq: number;
  /** As of the last move. */
  totalCostUsd: number;
  /** By index in the version; a step without a move is PENDING. */
  readonly steps: Map<number, ReplayedStep>;
}

/** The parts of a history row that a replay applies. */
export interface RecordedRow {
  readonly seq: number;
  readonly moves: readonly Move[];
}

/** A history that contradicts itself or the table of legal moves. */
export class IllegalHistory extends Error {
  override readonly name = "IllegalHistory";
}

/** A run before its first move. */
export function beginReplay(): Replay {
  return { state: "PENDING", seq: 0, totalCostUsd: 0, steps: new Map() };
}

/** Applies all rows of a run's history, in order. Throws IllegalHistory at the first impossible move. */
export function replayHistory(rows: readonly RecordedRow[]): Replay {
  const replay = beginReplay();
  for (const row of rows) replayRow(replay, row);
  return replay;
}

/** Applies the next row. Throws IllegalHistory; the replay is unusable then. */
function replayRow(replay: Replay, row: RecordedRow): void {
  if (row.seq !== replay.seq + 1) {
    throw new IllegalHistory(`row ${row.seq} comes after row ${replay.seq}`);
  }
  replay.seq = row.seq;
  for (const move of row.moves) replayMove(replay, move);
}

/** Applies one move. Throws IllegalHistory. */
export function replayMove(replay: Replay, move: Move): void {
  replay.totalCostUsd = move.total ?? 0;
  if (move.of === "step") {
    replayStep(replay, move);
    return;
  }
  requireLegal(replay, "the run", move, replay.state, isLegalRunMove);
  replay.state = move.to;
  if (move.marks !== undefined) requireMarks(replay, move.marks);
}

/** The state of a step, by its index in the version. */
export function replayedState(replay: Replay, index: number): StepState {
  return replay.steps.get(index)?.state ?? "PENDING";
}

function replayStep(replay: Replay, move: Extract<Move, { of: "step" }>): void {
  const known = replayedState(replay, move.step);
  requireLegal(replay, `step ${move.step}`, move, known, isLegalStepMove);
  const { to: state, retry: retryCount = 0, cost: costUsd = 0 } = move;
  replay.steps.set(move.step, { state, retryCount, costUsd });
}

function requireLegal<State extends string>(
  { seq }: Replay,
  what: string,
  { from, to }: { readonly from: State; readonly to: State },
  known: State,
  isLegal: (from: State, to: State) => boolean,
): void {
  if (from !== known) {
    throw new IllegalHistory(`row ${seq}: ${what} is ${known}, and moves from ${from}`);
  }
  if (from !== to && !isLegal(from, to)) {
    throw new IllegalHistory(`row ${seq}: ${what} cannot move from ${from} to ${to}`);
  }
}

function requireMarks(replay: Replay, marks: string): void {
  const bytes = atob(marks);
  for (let index = 0; index < bytes.length; index += 1) {
    const marked = stateOfMark(bytes.charCodeAt(index));
    const known = replayedState(replay, index);
    if (marked !== known) {
      throw new IllegalHistory(`row ${replay.seq}: step ${index} is ${known}, its mark ${marked}`);
    }
  }
}
