/**
 * The legal moves of runs and steps, in one place: live transitions and replays of the history use the same table.
 * Boundary: a move that is not here is a bug of the engine, or a refused request; never stored.
 */
import type { RunState, StepState } from "./values/run.ts";

/** From each run state, the states it may move to. */
const RUN_MOVES: Readonly<Record<RunState, readonly RunState[]>> = {
  PENDING: ["RUNNING", "FAILED", "CANCELLED"],
  RUNNING: ["PAUSED", "COMPENSATING", "COMPLETED", "FAILED", "CANCELLED"],
  PAUSED: ["RUNNING", "COMPENSATING", "FAILED", "CANCELLED"],
  COMPENSATING: ["FAILED"],
  // Only as a child of an undone step.
  COMPLETED: ["COMPENSATING"],
  FAILED: ["COMPENSATING"],
  CANCELLED: ["COMPENSATING"],
};

/** From each step state, the states it may move to. */
const STEP_MOVES: Readonly<Record<StepState, readonly StepState[]>> = {
  PENDING: ["RUNNING", "SKIPPED", "CANCELLED"],
  // RUNNING to RUNNING is a failed attempt that is followed by another.
  RUNNING: ["RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED"],
  WAITING: ["RUNNING", "COMPLETED", "FAILED", "CANCELLED"],
  COMPLETED: ["COMPENSATED"],
  // Only a compensation step, taken up again by CompensateRun.
  FAILED: ["RUNNING"],
  SKIPPED: [],
  COMPENSATED: [],
  CANCELLED: [],
};

/** Whether a run may move so. */
export function isLegalRunMove(from: RunState, to: RunState): boolean {
  return RUN_MOVES[from].includes(to);
}

/** Whether a step may move so. */
export function isLegalStepMove(from: StepState, to: StepState): boolean {
  return STEP_MOVES[from].includes(to);
}
