/**
 * A run and its steps as the engine sees them, and their compact form.
 * Boundary: plain values; times are epoch milliseconds of the database's clock; ids come from outside.
 * Invariants:
 * R1 `stepMarks` has one byte a step of the version, `edgeMarks` one byte an edge, both in version order.
 * R2 A step has a row (a StepRun) exactly when its mark carries HAS_ROW; PENDING and SKIPPED steps have none.
 * R3 A row's `state` equals the state in its mark.
 */

import type { EdgeRole } from "../graph/graph.ts";
import type { ParentStep } from "./child-run.ts";
import type { TriggerType } from "./definition.ts";
import type { JsonObject } from "./json.ts";

/** Run states in the order of their wire numbers (workflows.v1.WorkflowState 1..7). */
export const RUN_STATES = [
  "PENDING",
  "RUNNING",
  "PAUSED",
  "COMPENSATING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
] as const;
/** A run's state. */
export type RunState = (typeof RUN_STATES)[number];

/** Step states in the order of their wire numbers (workflows.v1.StepRunState 1..8). */
export const STEP_STATES = [
  "PENDING",
  "RUNNING",
  "WAITING",
  "COMPLETED",
  "FAILED",
  "SKIPPED",
  "COMPENSATED",
  "CANCELLED",
] as const;
/** A step run's state. */
export type StepState = (typeof STEP_STATES)[number];

/** Low bits of a step mark: index into STEP_STATES. */
export const STATE_BITS = 0x0f;
/** The step ended by its normal outcome, or by `timeout_action: continue`. */
export const SUCCEEDED = 0x10;
/** A call with an idempotency key, a child run or a task was sent: its effect may exist. */
export const MAY_HAVE_EFFECT = 0x20;
/** The step has a row. */
export const HAS_ROW = 0x40;
/** The step started child runs that are not undone. */
export const HAS_CHILDREN = 0x80;

/** An edge's mark: not decided yet, taken or dead. */
export const EDGE_OPEN = 0;
export const EDGE_TAKEN = 1;
export const EDGE_DEAD = 2;

/** Stands among a run's pending steps for what a resume does after all of them (after-pause.ts). */
export const RESUMING = -1;

/** A run (workflows.v1.WorkflowRun without its steps and payloads). */
export interface Run {
  readonly id: string;
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly versionId: string;
  readonly definitionVersion: number;
  readonly triggerType: TriggerType;
  readonly triggerEventId: string;
  /** Source of the event that started it; "" equals every source. */
  readonly triggerSource: string;
  readonly initiatorAgentId: string;
  readonly initiatorUserId: string;
  readonly parentRunId: string;
  /** The step of the parent that started it; unset for a run that was started in another way. */
  readonly parentStep?: ParentStep;
  readonly entityId: string;
  readonly entityType: string;
  /** How many runs' events led to this one; 0 for a first run. */
  readonly hops: number;
  /** Its input was not sent: for the engine it is empty, and readers see none. */
  readonly inputUnset?: true;
  readonly createdAtMs: number;
  state: RunState;
  /** Unset until the run began. */
  startedAtMs?: number;
  completedAtMs?: number;
  /** The run FAILS past this time; unset = no deadline. */
  deadlineAtMs?: number;
  totalCostUsd: number;
  /** Sequence of the last row of its history; 0 before the first. */
  seq: number;
  stepMarks: Uint8Array;
  edgeMarks: Uint8Array;
  /** Steps that ended while the run was paused and whose consequences wait for the resume, in order. */
  unsettled: readonly number[];
  /**
   * Steps whose consequences, or whose beginning, are left to the next transition, in order: the last one spent its
   * budget. One that ended has its edges to decide, any other has to begin; RESUMING is the rest of a resume.
   */
  pending: readonly number[];
  /** When the standing loop takes the pending work up; unset while there is none or the run is paused. */
  continueAtMs?: number;
}

/** Private data of a step's type, kept with its row while it is open (and after, for reads). */
export interface StepDetail {
  /** Digest of what an approval was asked for: SHA-256 of the canonical JSON, hex. */
  digest?: string;
  /** Approval requests of a gate, in order of asking. */
  approvals?: readonly ApprovalTicket[];
  /** How many of them must approve; unset: one. */
  requiredApprovals?: number;
  /** What happens when a request's time is over; unset: the gate knows no escalation. */
  escalation?: Escalation;
  /** Resolved patterns of an event wait. */
  wait?: EventWait;
  /** Source of the event that ended a wait: with the row's `eventId` it is the event. Unset equals every source. */
  eventSource?: string;
  /** Skill and prompt found for the attempt; unset when there is neither. The agent stands in the row. */
  resolved?: Omit<Resolution, "agentId">;
  /** A final report came, and its output or its cost is asked from those who may know. */
  pendingEnd?: PendingEnd;
  /** Governance asked for an approval with this risk level. */
  riskLevel?: string;
  /** A governance decision that overtook the evaluation's answer: it counts when that answer leaves the check open. */
  heard?: GovernanceAnswer;
  /** Children of a PARALLEL that succeeded when it ended, as step indexes (its output's `children`). */
  joined?: readonly number[];
  /** BRANCH: index of the edge that was chosen. */
  chosen?: number;
  /** BRANCH: how many of its conditions were false already, while the others are left to the next transition. */
  tried?: number;
  /** The attempt failed and the next one begins at `wakeAtMs`. */
  retrying?: true;
  /** Ids of the latest attempts that failed, newest last: who names one of them comes too late. */
  superseded?: readonly string[];
  /** Child runs in numbers. */
  children?: ChildCounts;
  /** How the step ended, kept while its edges are not decided: the run is paused, or its work pending. */
  ending?: Ending;
}

/** The child runs of a step in numbers, so that no row grows with them. Of the attempt under way but for the last two. */
export interface ChildCounts {
  /** Items of the `for_each`; unset: one child, of no list. */
  readonly items?: number;
  /** Place of the child that starts next: so many were asked for. */
  readonly next: number;
  /** Asked for and not ended. */
  readonly open: number;
  readonly failed: number;
  /** Bytes of all outputs so far. */
  readonly bytes: number;
  /** Starts of all attempts whose answer is not here. */
  readonly starting: number;
  /** How far undoing them is; unset before. */
  readonly undo?: UndoCounts;
}

/** The undoing of a step's children: from the last place down. */
export interface UndoCounts {
  /** The last that was asked. */
  readonly attempt: number;
  readonly child: number;
  readonly open: number;
  readonly stuck: number;
  /** Counts the tries of CompensateRun. */
  readonly round: number;
}

/** An attempt that ended and of which something is still asked for. */
export interface PendingEnd {
  /** What reports told of its cost, in USD, counted already; 0: nothing. */
  readonly costUsd: number;
  /** No event told the end: the owner was asked. */
  readonly healed?: true;
  /** How it ends once its cost is known; unset while its output is asked for. */
  readonly end?: AttemptEnd;
}

/** How an attempt ends. */
export type AttemptEnd =
  /** `note` stands in the step's error_message all the same. */
  | { readonly state: "COMPLETED"; readonly output: JsonObject; readonly note?: string }
  | { readonly state: "FAILED"; readonly message: string; readonly retryable: boolean };

/** How a step ended, as its edges see it. */
export type Ending =
  /** Success edges, and those labelled with the normal outcome, can be taken. */
  | { readonly kind: "success" }
  /** An outcome label caught it: only edges with these roles can be taken. */
  | { readonly kind: "caught"; readonly roles: readonly EdgeRole[]; readonly label?: string }
  /** FAILED, and an `error` edge catches it. */
  | { readonly kind: "error" }
  /** FAILED and config.on_error goes on, or `timeout_action: continue`: along the success edges, none of a decision. */
  | { readonly kind: "continued" }
  /** FAILED, and nothing catches it. */
  | { readonly kind: "uncaught" }
  /** SKIPPED or CANCELLED: all its edges die. */
  | { readonly kind: "dead" };

/** One approval request of a gate. */
export interface ApprovalTicket {
  readonly approver: string;
  readonly requestId: string;
  /** "" while undecided, else approved, auto_approved, denied, expired; escalated: by its owner, and still undecided. */
  readonly decision: string;
  readonly decidedBy: string;
  readonly reason: string;
  /**
   * When its time is over, in ms after the step's start; of an expired one: was, and the next approver is yet to be
   * asked. Unset: it has no end.
   */
  readonly dueAfterMs?: number;
}

/** Who is asked when nobody decides. */
export interface Escalation {
  /** Time for each request from when it is recorded, in ms; unset: only its owner says that it expired. */
  readonly afterMs?: number;
  /** Those who were not asked yet, in order. */
  readonly to: readonly string[];
}

/** A decision of the policy engine, by call, by event or by hand. */
export interface GovernanceAnswer {
  /** ALLOW, DENY, REQUIRE_APPROVAL or UNSPECIFIED */
  readonly decision: string;
  readonly riskLevel: string;
  readonly reasons: readonly string[];
}

/** What an event must look like to end a wait. */
export interface EventWait {
  /** Unset: any. */
  readonly typePattern?: string;
  /** Unset: any. */
  readonly subjectPattern?: string;
  /** Events that arrived at or after this time count; unset: since the run was created. */
  readonly sinceMs?: number;
  /** When it opened; unset: when its step began. */
  readonly openedAtMs?: number;
}

/** What looking up an agent, its prompt and its skill gave. */
export interface Resolution {
  readonly agentId: string;
  readonly skillId: string;
  readonly prompt?: { readonly name: string; readonly version: number; readonly versionId: string };
}

/** A step of a run that has begun (workflows.v1.StepRun); `index` is its place in the version. */
export interface StepRun {
  readonly runId: string;
  readonly index: number;
  state: StepState;
  retryCount: number;
  objectiveId: string;
  agentId: string;
  delegationId: string;
  approvalRequestId: string;
  governanceDecision: string;
  eventId: string;
  notificationId: string;
  /** Set only where the input is not the merge of the taken edges' outputs (config.input, compensation). */
  input?: JsonObject;
  /** What the step produced; with `outputExtendsInput` only what it adds to its input. */
  output?: JsonObject;
  outputExtendsInput: boolean;
  errorMessage: string;
  costUsd: number;
  startedAtMs: number;
  completedAtMs?: number;
  /** When the attempt under way times out. */
  timeoutAtMs?: number;
  /** When the step wants to be woken: retry, delay, escalation. */
  wakeAtMs?: number;
  /** Index key of an open event wait (see matching/keys.ts); unset otherwise. */
  waitKey?: string;
  /** What the wait's filter asks fields of the event to be (see matching/equality.ts); unset: any event is asked. */
  waitEquals?: string;
  detail: StepDetail;
}

/** State of a step by its mark. */
export function stateOfMark(mark: number): StepState {
  const state = STEP_STATES[mark & STATE_BITS];
  if (state === undefined) throw new Error(`step mark ${mark} names no state`);
  return state;
}

/** The mark with its state replaced, its flags kept. */
export function markWithState(mark: number, state: StepState): number {
  return (mark & ~STATE_BITS) | STEP_STATES.indexOf(state);
}

/** Whether a step in this state has ended. COMPENSATED counts as ended. */
export function isFinalStep(state: StepState): boolean {
  return state !== "PENDING" && state !== "RUNNING" && state !== "WAITING";
}

/** Whether a run in this state has ended. */
export function isFinalRun(state: RunState): boolean {
  return state === "COMPLETED" || state === "FAILED" || state === "CANCELLED";
}
