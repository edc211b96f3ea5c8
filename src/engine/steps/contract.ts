/**
 * The behaviour of a step type: how an attempt begins, and how it reacts to answers, events and reports by hand.
 * Boundary: a type changes its own step through draft and ending.ts; advance.ts handles the consequences.
 */
import type { Draft } from "../draft/draft.ts";
import type { CallKind, CallValue, ReturnedCall } from "../values/call.ts";
import type { ArrivedEvent, GovernanceReport, OwnerReport, StepReport } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";
import type { Lookups } from "../values/lookups.ts";
import type { Reply } from "../values/reply.ts";
import type { Ending } from "../values/step-detail.ts";

/** A step of a run, with what its type needs to act on it. */
export interface StepTask {
  readonly draft: Draft;
  readonly index: number;
  readonly lookups: Lookups;
}

/** The behaviour of one step type. Every type has a file `behaviour.ts` that exports one of these. */
export interface StepBehaviour {
  /** An attempt begins; `input` is the step's input, reshaped by config.input where there is one. */
  begin(task: StepTask, input: JsonObject): void;
  /** Continues what `begin` left when the budget of its transition was spent. */
  goOn(task: StepTask): void;
  /**
   * A call returned; the reply when the step does not wait for its result, undefined when it does. Unset: the step waits
   * for the results of all its calls.
   */
  unawaitedReturned?(task: StepTask, returned: ReturnedCall): Reply | undefined;
  /** A call of the current attempt succeeded; its id distinguishes several calls of one kind. */
  callReturned(task: StepTask, value: CallValue, callId: string): void;
  /** The value that replaces the result of a refused call. Unset or undefined: the refusal fails the attempt. */
  valueOfRefusal?(call: CallKind): CallValue | undefined;
  /** A call returned after its attempt had ended. Unset: the result is noted as late. */
  lateReturned?(task: StepTask, returned: ReturnedCall): Reply;
  /** The step's objective or delegation reported. */
  ownerReported(task: StepTask, report: OwnerReport): void;
  /** A governance decision names the step. Not called for a step that ended or is between two attempts. */
  governanceReported(task: StepTask, report: GovernanceReport): Reply;
  /** An event has the key of the step's wait. */
  eventArrived(task: StepTask, event: ArrivedEvent): Reply;
  /** TransitionStep to COMPLETED. */
  completedByHand(task: StepTask, report: StepReport): void;
  /** TransitionStep to FAILED. */
  failedByHand(task: StepTask, report: StepReport): void;
  /** The step's timer (`wakeAtMs`) fired in a run that is not paused. */
  woken(task: StepTask): void;
  /** The step ended, and its edges are undecided. */
  settled(task: StepTask): void;
  /**
   * The index of the one edge that a success takes, for types that take at most one; `undecided` when the budget is
   * spent. Unset: each edge is decided by itself.
   */
  chooseEdge?(task: StepTask, ending: Ending, output: JsonObject): number | undefined | "undecided";
  /** Whether a timeout counts as a failure that a retry may cure. */
  readonly retriesTimeout: boolean;
}
