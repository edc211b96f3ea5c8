/**
 * The contract of a step type: how an attempt begins, and what answers and people may do to it.
 * Boundary: a type changes its own step through draft and ending.ts; what follows is advance.ts's.
 */
import type { Draft } from "../draft/draft.ts";
import type { CallValue } from "../values/effect.ts";
import type { ArrivedEvent, GovernanceReport, OwnerReport, StepReport } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";
import type { Lookups } from "../values/lookups.ts";
import type { Reply } from "../values/reply.ts";
import type { Ending } from "../values/run.ts";

/** A step of a run together with what its type needs to act on it. */
export interface StepTask {
  readonly draft: Draft;
  readonly index: number;
  readonly lookups: Lookups;
}

/** The behaviour of one step type. Every type has a file `behaviour.ts` that exports one of these. */
export interface StepBehaviour {
  /** An attempt begins; `input` is the step's input, reshaped by config.input where there is one. */
  begin(task: StepTask, input: JsonObject): void;
  /** What `begin` left to do when the budget of its transition was spent. */
  goOn(task: StepTask): void;
  /** A call of the attempt under way came back with an answer; its id tells several of one kind apart. */
  callReturned(task: StepTask, value: CallValue, effectId: string): void;
  /** Its objective or delegation reported. */
  ownerReported(task: StepTask, report: OwnerReport): void;
  /** A decision of governance that names the step; not for one that ended or is between two attempts. */
  governanceHeard(task: StepTask, report: GovernanceReport): Reply;
  /** An event that fits the key of its wait. */
  eventArrived(task: StepTask, event: ArrivedEvent): Reply;
  /** TransitionStep to COMPLETED: what the type makes of it. */
  completedByHand(task: StepTask, report: StepReport): void;
  /** TransitionStep to FAILED. */
  failedByHand(task: StepTask, report: StepReport): void;
  /** The time came at which the step wanted to be woken, in a run that is not paused. */
  woken(task: StepTask): void;
  /** The step ended, and its edges are not decided yet. */
  settled(task: StepTask): void;
  /**
   * The one edge that is taken after a success, by its index, where the type takes at most one; `undecided` when the budget
   * was spent before. Unset: each edge is decided by itself.
   */
  chooseEdge?(task: StepTask, ending: Ending, output: JsonObject): number | undefined | "undecided";
  /** Whether a timeout is a failure that another attempt may mend. */
  readonly retriesTimeout: boolean;
}
