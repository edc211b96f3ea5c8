/**
 * The contract of a step type: how an attempt begins, and what answers and people may do to it.
 * Boundary: a type changes its own step through draft and ending.ts; what follows is advance.ts's.
 */
import type { Draft } from "../draft.ts";
import type { CallValue } from "../effect.ts";
import type { OwnerReport, StepReport } from "../input.ts";
import type { JsonObject } from "../json.ts";
import type { Lookups } from "../lookups.ts";

/** A step of a run together with what its type needs to act on it. */
export interface StepTask {
  readonly draft: Draft;
  readonly index: number;
  readonly lookups: Lookups;
}

/** One step type. Every type has a file that exports one of these. */
export interface StepKind {
  /** An attempt begins; `input` is the step's input, reshaped by config.input where there is one. */
  begin(task: StepTask, input: JsonObject): void;
  /** A call of the attempt under way came back with an answer; its id tells several of one kind apart. */
  callReturned(task: StepTask, value: CallValue, effectId: string): void;
  /** Its objective or delegation reported. */
  ownerReported(task: StepTask, report: OwnerReport): void;
  /** TransitionStep to COMPLETED: what the type makes of it. */
  completedByHand(task: StepTask, report: StepReport): void;
  /** TransitionStep to FAILED. */
  failedByHand(task: StepTask, report: StepReport): void;
  /** The time came at which the step wanted to be woken, in a run that is not paused. */
  woken(task: StepTask): void;
  /** Whether a timeout is a failure that another attempt may mend. */
  readonly retriesTimeout: boolean;
}
