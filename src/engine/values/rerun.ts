/**
 * With what the rerun of a run that has ended begins.
 * Boundary: plain values; flow/plan-rerun.ts makes a seed, inputs/rerun.ts and flow/begin-reused.ts apply it.
 */
import type { StepRun } from "./run.ts";

/** A step whose output is reused. */
export interface ReusedStep {
  /** Its index in the version of the run that is rerun. */
  readonly from: number;
  /** Its index in the version of the new run. */
  readonly to: number;
  /** Flags of its mark in the new run (run.ts). With SUCCEEDED its undo passes to the new run. */
  readonly flags: number;
}

/** With what the new run begins. */
export interface RerunSeed {
  readonly reused: readonly ReusedStep[];
  /** Steps that are SKIPPED as before, by their index in the new version. */
  readonly skipped: readonly number[];
  /** Edges of the new version that are decided as before. */
  readonly taken: readonly number[];
  readonly dead: readonly number[];
}

/** A seed with the rows that it takes outputs from, by their index in the older version. */
export interface ReusedRows {
  readonly seed: RerunSeed;
  readonly rows: ReadonlyMap<number, StepRun>;
}
