/**
 * Every input of a run: each is one of these values.
 * Boundary: past tense; decoded and checked by ingress or egress, never raw messages.
 */

import type { CallKind, CallResult } from "./call.ts";
import type { Cause } from "./cause.ts";
import type { ChildReport } from "./child-run.ts";
import type { JsonObject } from "./json.ts";
import type { RerunSeed, ReusedRows } from "./rerun.ts";
import type { GovernanceAnswer } from "./step-detail.ts";
import type { TaskReport, TaskReturn } from "./task.ts";

export type { Cause } from "./cause.ts";

/** The report of an objective or a delegation (one shape for both owners). */
export interface OwnerReport {
  readonly owner: "objective" | "delegation";
  /** Id of the objective or delegation. */
  readonly id: string;
  /** RUNNING, BLOCKED, AWAITING_APPROVAL, COMPLETED, FAILED, CANCELLED …; of a delegation COMPLETED, FAILED, REJECTED, TIMED_OUT, ACCEPTED, PENDING. */
  readonly state: string;
  readonly output?: JsonObject;
  readonly errorMessage: string;
  readonly costUsd: number;
  /** The agent that answered, if the event names it. */
  readonly agentId: string;
  /** A poll of the owner gave this report, not an event. A missing output then stays missing, and the step says why. */
  readonly reconciled?: true;
}

/** A decision on an approval request. */
export interface ApprovalReport {
  readonly requestId: string;
  /** APPROVED, DENIED, ESCALATED, EXPIRED, AUTO_APPROVED */
  readonly decision: string;
  readonly decidedBy: string;
  readonly reason: string;
  /** Digest the decision was given for; "" when it names none. */
  readonly digest: string;
  /** The program through which the person came, as the owner says; unset: it does not. */
  readonly via?: string;
  /** A poll of the owner gave this decision, not an event. The poll repeats while the decision has no effect. */
  readonly reconciled?: true;
}

/** A governance decision that names a step; never UNSPECIFIED. */
export interface GovernanceReport extends GovernanceAnswer {
  readonly stepId: string;
}

/** An event that ends a wait. */
export interface ArrivedEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** RFC 3339; "" when the event has none. */
  readonly time: string;
  /** As triggers and waits read it, without `@type`. */
  readonly data: JsonObject;
  /** Extension attributes of CloudEvents by name, in their canonical text form; unset: none. */
  readonly extensions?: Readonly<Record<string, string>>;
}

/** workflows.v1.TransitionStepRequest */
export interface StepReport {
  readonly stepId: string;
  readonly state: "RUNNING" | "WAITING" | "COMPLETED" | "FAILED";
  readonly objectiveId: string;
  readonly agentId: string;
  readonly delegationId: string;
  readonly approvalRequestId: string;
  readonly governanceDecision: string;
  readonly eventId: string;
  readonly notificationId: string;
  /** Unset when the caller sent none. */
  readonly output?: JsonObject;
  readonly errorMessage: string;
  readonly costUsd: number;
  /** The attempt that it is about, from 1: with another one under way it changes nothing. Unset: whichever is under way. */
  readonly attempt?: number;
  /** What the caller gave as reason, for the history. */
  readonly reason?: string;
}

/** What a person orders for an open or held step (workflows.ops.v1.Runs). */
export interface StepOrder {
  readonly act: "retry" | "skip" | "complete" | "fail";
  readonly stepId: string;
  /** The latest attempt that has begun, from 1; refused when it is another one. Unset: whichever that is. */
  readonly attempt?: number;
  /** Of skip and complete; unset: {}. */
  readonly output?: JsonObject;
  readonly reason: string;
}

/** What an approver changes in the input of a gate, before the decision is recorded. */
export interface EditsOrder {
  readonly stepId: string;
  readonly requestId: string;
  /** JSON merge patch. */
  readonly patch: JsonObject;
  /** Who decides. */
  readonly by: string;
}

/** A rerun of a run that has ended, as it was planned. */
export interface RerunOrder {
  /** The place in the run's history at which it was planned: refused when the run has moved since. */
  readonly seq: number;
  /** The version of the new run, by its id and number. */
  readonly versionId: string;
  readonly version: number;
  /** Unset: that of the run. */
  readonly input?: JsonObject;
  readonly seed: RerunSeed;
  readonly reason: string;
}

/** The step was remembered, not looked up: a report that it does not wait for leaves no line in the history. */
type IfCurrent = true;

/** An input of a run that exists. */
export type Input = { readonly cause: Cause } & (
  | { readonly kind: "run_begun"; readonly reuse?: ReusedRows }
  /** In place of `run_begun`: it begins when a run of its key has ended. */
  | { readonly kind: "run_queued" }
  /** The run has pending work (see run.ts). */
  | { readonly kind: "run_continued" }
  | {
      readonly kind: "call_returned";
      readonly callId: string;
      readonly call: CallKind;
      readonly stepIndex: number;
      readonly attempt: number;
      readonly result: CallResult;
    }
  | {
      readonly kind: "owner_reported";
      readonly stepIndex: number;
      readonly report: OwnerReport;
      readonly ifCurrent?: IfCurrent;
    }
  | {
      readonly kind: "approval_decided";
      readonly stepIndex: number;
      readonly report: ApprovalReport;
      readonly ifCurrent?: IfCurrent;
    }
  | {
      readonly kind: "task_reported";
      readonly stepId: string;
      readonly attempt: number;
      /** The queue on whose subject the result came. */
      readonly queue: string;
      readonly report: TaskReport;
    }
  /** The task of an attempt is published again; unless a worker returned it, its message is lost. */
  | {
      readonly kind: "task_unsent";
      readonly stepId: string;
      readonly attempt: number;
      readonly returned?: TaskReturn;
    }
  | { readonly kind: "governance_decided"; readonly report: GovernanceReport }
  | { readonly kind: "event_arrived"; readonly stepIndex: number; readonly event: ArrivedEvent }
  | { readonly kind: "step_reported"; readonly report: StepReport }
  | { readonly kind: "step_ordered"; readonly order: StepOrder }
  | { readonly kind: "edits_kept"; readonly order: EditsOrder }
  | { readonly kind: "child_ended"; readonly report: ChildReport }
  | { readonly kind: "step_due"; readonly stepIndex: number }
  | { readonly kind: "deadline_passed" }
  | { readonly kind: "pause_requested"; readonly reason: string }
  | {
      readonly kind: "resume_requested";
      /** JSON merge patches on inputs, by the ids of steps that have not begun; unset: none. */
      readonly inputs?: Readonly<Record<string, JsonObject>>;
    }
  | { readonly kind: "cancel_requested"; readonly reason: string }
  | { readonly kind: "rerun_requested"; readonly order: RerunOrder }
  | {
      readonly kind: "compensate_requested";
      readonly reason: string;
      /** The parent compensates the step that started the run: only this reopens a COMPLETED run. */
      readonly byParent?: true;
    }
);
