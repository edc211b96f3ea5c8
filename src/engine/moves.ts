/**
 * The legal moves of runs and steps, in one table for live transitions and for replays of the history.
 * Boundary: a move outside the table is a bug of the engine or a refused request; it is never stored.
 */
import type { RunState, StepState } from "./values/run.ts";

/** From each run state, the states it may move to. */
const RUN_MOVES: Readonly<Record<RunState, readonly RunState[]>> = {
  PENDING: ["RUNNING", "FAILED", "CANCELLED"],
  RUNNING: ["PAUSED", "COMPENSATING", "COMPLETED", "FAILED", "CANCELLED"],
  PAUSED: ["RUNNING", "COMPENSATING", "FAILED", "CANCELLED"],
  COMPENSATING: ["FAILED"],
  // Only when the parent's step is compensated.
  COMPLETED: ["COMPENSATING"],
  FAILED: ["COMPENSATING"],
  CANCELLED: ["COMPENSATING"],
};

/** From each step state, the states it may move to. */
const STEP_MOVES: Readonly<Record<StepState, readonly StepState[]>> = {
  // To COMPLETED when a rerun reuses its output.
  PENDING: ["RUNNING", "COMPLETED", "SKIPPED", "CANCELLED"],
  // RUNNING to RUNNING is a failed attempt that is followed by another.
  RUNNING: ["RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED"],
  WAITING: ["RUNNING", "COMPLETED", "FAILED", "CANCELLED"],
  COMPLETED: ["COMPENSATED"],
  // Only a compensation step that CompensateRun retries.
  FAILED: ["RUNNING"],
  SKIPPED: [],
  COMPENSATED: [],
  CANCELLED: [],
};

/** Whether a run may make this move. */
export function isLegalRunMove(from: RunState, to: RunState): boolean {
  return RUN_MOVES[from].includes(to);
}

/** Whether a step may make this move. */
export function isLegalStepMove(from: StepState, to: StepState): boolean {
  return STEP_MOVES[from].includes(to);
}
