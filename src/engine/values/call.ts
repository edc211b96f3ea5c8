/**
 * What the engine requests from other services: calls to collaborators, one kind each.
 * Boundary: values only. The wire layer encodes a call, egress sends it.
 * Invariant: a call's id is `run/step/attempt/call`. It is the idempotency key of every retry of the call.
 */

import type { Cause } from "./cause.ts";
import type { ChildReport, ParentStep } from "./child-run.ts";
import type { Json, JsonObject } from "./json.ts";
import type { RerunSeed } from "./rerun.ts";
import type { Run } from "./run.ts";
import type { Resolution } from "./step-detail.ts";

/** Find the agent, prompt and skill of an AGENT_ACTION. Reads only, so it needs no idempotency key. */
export interface LookUp {
  readonly kind: "look_up";
  readonly workspaceId: string;
  readonly agentId: string;
  readonly capability: string;
  readonly skillId: string;
  readonly promptName: string;
  /** Where the run was started, if a prompt is looked up; unset: in production. */
  readonly environment?: string;
}
/** objectives.v1.CreateRequest */
export interface CreateObjective {
  readonly kind: "create_objective";
  readonly workspaceId: string;
  readonly agentId: string;
  readonly title: string;
  /** JSON text for the agent, see behaviour of AGENT_ACTION. */
  readonly description: string;
}
/** agents.v1.DelegateRequest */
export interface Delegate {
  readonly kind: "delegate";
  readonly fromAgentId: string;
  readonly toAgentId: string;
  readonly capability: string;
  readonly objectiveId: string;
  readonly runId: string;
  readonly stepId: string;
  /** The same JSON text as the objective's description. */
  readonly context: string;
  readonly reason: string;
}
/** agents.v1.GetDelegationRequest and objectives.v1.GetRequest: reads the output from the owner that may have it. */
export interface ReadOutput {
  readonly kind: "read_output";
  readonly delegationId: string;
  readonly objectiveId: string;
}
/** meter.v1.QueryUsageRequest: the step's cost so far, when no report carried it. */
export interface QueryUsage {
  readonly kind: "query_usage";
  readonly runId: string;
  readonly stepId: string;
}
/** objectives.v1.CancelRequest */
interface CancelObjective {
  readonly kind: "cancel_objective";
  readonly objectiveId: string;
  readonly reason: string;
}
/** approvals.v1.RequestApprovalRequest */
export interface RequestApproval {
  readonly kind: "request_approval";
  /** Place of the request among the gate's tickets. */
  readonly ticket: number;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly actionType: string;
  /** LOW, MEDIUM, HIGH, CRITICAL */
  readonly riskLevel: string;
  readonly payload: JsonObject;
  readonly context: JsonObject;
  readonly approver: string;
}
/** approvals.v1.EscalateRequest: a request expired undecided and the gate requests the next approver. */
export interface EscalateApproval {
  readonly kind: "escalate_approval";
  readonly requestId: string;
  readonly reason: string;
}
/** governance.v1.EvaluateActionRequest */
export interface EvaluateAction {
  readonly kind: "evaluate_action";
  readonly workspaceId: string;
  readonly agentId: string;
  readonly actionType: string;
  readonly payload: JsonObject;
  /** Where the run was started; unset: in production. */
  readonly environment?: string;
}
/** notifications.v1.SendRequest */
export interface SendNotification {
  readonly kind: "send_notification";
  readonly workspaceId: string;
  readonly channel: string;
  readonly template: string;
  readonly variables: JsonObject;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly priority: string;
}

/** Start a child run: a call to this service itself, like the next three. */
export interface StartRun {
  readonly kind: "start_run";
  readonly workspaceId: string;
  /** "" when the definition is named by `name`. */
  readonly definitionId: string;
  readonly name: string;
  /** 0 takes the latest. */
  readonly version: number;
  readonly parentRunId: string;
  readonly parentDefinitionId: string;
  readonly parentStep: ParentStep;
  readonly initiatorAgentId: string;
  readonly initiatorUserId: string;
  readonly entityId: string;
  readonly entityType: string;
  readonly hops: number;
  /** That of the parent; unset: production. */
  readonly environment?: string;
  readonly input: JsonObject;
}
/** Cancel a child run. */
export interface CancelRun {
  readonly kind: "cancel_run";
  readonly runId: string;
  readonly reason: string;
}
/** Compensate a child run, also one that COMPLETED. */
export interface CompensateRun {
  readonly kind: "compensate_run";
  readonly runId: string;
  readonly reason: string;
}
/** Report the end of a child run to its parent's step. */
export interface TellParent {
  readonly kind: "tell_parent";
  readonly parentRunId: string;
  readonly report: ChildReport;
}

/** Start the rerun of this run. Unlike a child, it is a run of its own. */
export interface StartRerun
  extends Pick<Run, "definitionId" | "versionId" | "triggerType" | "hops" | "inputUnset">,
    Pick<Run, "environment">,
    Pick<Run, "initiatorAgentId" | "initiatorUserId" | "parentRunId" | "entityId" | "entityType"> {
  readonly kind: "start_rerun";
  readonly version: number;
  /** Unset: that of the run which is rerun. */
  readonly input?: JsonObject;
  readonly seed: RerunSeed;
  /** Who asked for it. */
  readonly cause: Cause;
}

/** Every call there is. */
export type Call =
  | LookUp
  | CreateObjective
  | Delegate
  | ReadOutput
  | QueryUsage
  | CancelObjective
  | RequestApproval
  | EscalateApproval
  | EvaluateAction
  | SendNotification
  | StartRun
  | CancelRun
  | CompensateRun
  | TellParent
  | StartRerun;
/** The kind of a call. */
export type CallKind = Call["kind"];

/** A call that a move wants; `id` is its idempotency key. */
export interface IssuedCall {
  readonly id: string;
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  /** retry_count + 1 of the attempt that wants it. */
  readonly attempt: number;
  readonly call: Call;
}

/** The result of a call. An unavailable collaborator gives no result: the call is retried. */
export type CallResult =
  | { readonly ok: true; readonly value: CallValue }
  | { readonly ok: false; readonly message: string };

/** The result of a call, with the attempt that made it. */
export interface ReturnedCall {
  readonly callId: string;
  readonly call: CallKind;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly result: CallResult;
}

/** The answers that the engine reads, by call kind. */
export type CallValue =
  | { readonly kind: "look_up"; readonly resolution: Resolution }
  | { readonly kind: "create_objective"; readonly objectiveId: string }
  | { readonly kind: "delegate"; readonly delegationId: string; readonly agentId: string }
  | { readonly kind: "read_output"; readonly output?: JsonObject }
  | {
      readonly kind: "query_usage";
      /** The cost of all attempts of the step; 0 when unknown. */
      readonly costUsd: number;
    }
  | { readonly kind: "cancel_objective" }
  | {
      readonly kind: "request_approval";
      readonly requestId: string;
      /** The service approved the request automatically. */
      readonly autoApproved: boolean;
    }
  | { readonly kind: "escalate_approval" }
  | {
      readonly kind: "evaluate_action";
      /** ALLOW, DENY, REQUIRE_APPROVAL or UNSPECIFIED */
      readonly decision: string;
      readonly riskLevel: string;
      readonly reasons: readonly string[];
    }
  | { readonly kind: "send_notification"; readonly notificationId: string }
  | { readonly kind: "start_run"; readonly runId: string }
  | { readonly kind: "cancel_run" }
  | {
      readonly kind: "compensate_run";
      /** True: nothing of the child is left to compensate. False: the child reports when its compensation ends. */
      readonly compensated: boolean;
      /** The child's total cost; unset when it is reported later, or when the child no longer exists. */
      readonly costUsd?: number;
    }
  | { readonly kind: "tell_parent" }
  | { readonly kind: "start_rerun"; readonly runId: string };

/** Calls to this service itself. No collaborator can forget their idempotency keys, so they never expire. */
export const OWN_CALLS: ReadonlySet<CallKind> = new Set([
  "start_run",
  "cancel_run",
  "compensate_run",
  "tell_parent",
  "start_rerun",
]);

/** The parts of a call's id. */
export interface CallName {
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** The call's kind, with `-<n>` for the n-th of several. */
  readonly call: string;
}

/** The id of a call: `run/step/attempt/call`. */
export function callIdOf(name: CallName): string {
  return `${name.runId}/${name.stepId}/${name.attempt}/${name.call}`;
}

/** Which of several calls of one kind a call is, counted from 1: the number at the end of its name. */
export function placeOfCall(id: string): number {
  const name = id.slice(id.lastIndexOf("/") + 1);
  const at = name.lastIndexOf("-");
  return at < 0 ? 1 : Number(name.slice(at + 1));
}

/** The run of a call, from its id. Run ids contain no `/`. */
export function runOfCall(id: string): string {
  return id.slice(0, id.indexOf("/"));
}

/** The numbers at the end of a call's id: `…/start_run-3` gives [3]. */
export function numbersOfCall(id: string): number[] {
  return id.slice(id.lastIndexOf("/")).split("-").slice(1).map(Number);
}

/** A JSON value as compact text, for the fields of calls that carry JSON. */
export function jsonText(value: Json): string {
  return JSON.stringify(value);
}
