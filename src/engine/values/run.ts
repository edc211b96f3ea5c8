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
const STATE_BITS = 0x0f;
/** The step ended by its normal outcome, or by `timeout_action: continue`. */
export const SUCCEEDED = 0x10;
/** The step sent a call with an idempotency key, or started a child run or a task: its effect may exist. */
export const MAY_HAVE_ACTED = 0x20;
/** The step has a row. */
export const HAS_ROW = 0x40;
/** The step started child runs that are not compensated. */
export const HAS_CHILDREN = 0x80;

/** An edge's mark: undecided, taken or dead. */
export const EDGE_OPEN = 0;
export const EDGE_TAKEN = 1;
export const EDGE_DEAD = 2;

/** Marks, among a run's pending steps, the rest of a resume, which comes after all of them (after-pause.ts). */
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
  /** Source of the event that started it; "" matches every source. */
  readonly triggerSource: string;
  readonly initiatorAgentId: string;
  readonly initiatorUserId: string;
  readonly parentRunId: string;
  /** The parent's step that started it; unset for other runs. */
  readonly parentStep?: ParentStep;
  readonly entityId: string;
  readonly entityType: string;
  /** How many runs caused this one through their events; 0 for a first run. */
  readonly hops: number;
  /** The caller sent no input: the engine uses {}, and readers see none. */
  readonly inputUnset?: true;
  readonly createdAtMs: number;
  state: RunState;
  /** Unset before the run begins. */
  startedAtMs?: number;
  completedAtMs?: number;
  /** The run FAILS past this time; unset = no deadline. */
  deadlineAtMs?: number;
  totalCostUsd: number;
  /** Sequence of the last row of its history; 0 before the first. */
  seq: number;
  stepMarks: Uint8Array;
  edgeMarks: Uint8Array;
  /** Steps that ended during the pause, in order; the resume applies their consequences. */
  unsettled: readonly number[];
  /**
   * Work that the last transition left because its budget was spent, in order. A step that ended has edges to decide,
   * any other step has to begin; RESUMING is the rest of a resume.
   */
  pending: readonly number[];
  /** When the standing loop takes up the pending work; unset while there is none or the run is paused. */
  continueAtMs?: number;
}

/** Private data of a step's type, stored with its row while it is open (and after, for reads). */
export interface StepDetail {
  /** Digest of an approval request: SHA-256 of the canonical JSON, hex. */
  digest?: string;
  /** Approval requests of a gate, in the order in which they were made. */
  approvals?: readonly ApprovalTicket[];
  /** How many approvals the gate requires; unset: one. */
  requiredApprovals?: number;
  /** What happens when a request expires; unset: the gate does not escalate. */
  escalation?: Escalation;
  /** Resolved patterns of an event wait. */
  wait?: EventWait;
  /** Source of the event that ended a wait, within which `eventId` is unique. Unset matches every source. */
  eventSource?: string;
  /** Skill and prompt found for the attempt; unset when there is neither. The row has the agent. */
  resolved?: Omit<Resolution, "agentId">;
  /** The attempt ended, and the engine queries other services for its output or its cost. */
  pendingEnd?: PendingEnd;
  /** The risk level with which governance required an approval. */
  riskLevel?: string;
  /** A governance decision that arrived before the evaluation's answer; it counts if that answer decides nothing. */
  heard?: GovernanceAnswer;
  /** Children of a PARALLEL that succeeded when it ended, as step indexes (its output's `children`). */
  joined?: readonly number[];
  /** BRANCH: index of the edge that was chosen. */
  chosen?: number;
  /** BRANCH: how many of its conditions are known to be false; the next transition evaluates the others. */
  tried?: number;
  /** The attempt failed and the next one begins at `wakeAtMs`. */
  retrying?: true;
  /** Ids of the latest failed attempts, newest last: a report that names one of them is late. */
  superseded?: readonly string[];
  /** Counts of the child runs. */
  children?: ChildCounts;
  /** How the step ended, stored while its edges are undecided: the run is paused, or its work pending. */
  ending?: Ending;
}

/** Counts of a step's child runs, so that no row grows with them. Only the last two span all attempts. */
export interface ChildCounts {
  /** Items of the `for_each`; unset: one child, without a list. */
  readonly items?: number;
  /** Place of the child that starts next, which is the number of starts so far. */
  readonly next: number;
  /** Started and not ended. */
  readonly open: number;
  readonly failed: number;
  /** Bytes of all outputs so far. */
  readonly bytes: number;
  /** Starts of all attempts that have no answer yet. */
  readonly starting: number;
  /** Progress of their compensation; unset before it. */
  readonly undo?: CompensationCounts;
}

/** Progress through a step's children in compensation, from the last place down. */
export interface CompensationCounts {
  /** The last child whose compensation was requested. */
  readonly attempt: number;
  readonly child: number;
  readonly open: number;
  readonly stuck: number;
  /** Number of the CompensateRun that made the requests, from 1. */
  readonly round: number;
}

/** An attempt that ended and whose output or cost the engine still queries. */
export interface PendingEnd {
  /** The cost that reports carried, in USD, already counted; 0: none. */
  readonly costUsd: number;
  /** A poll of the owner gave the end, not an event. The stored name is older than the word "reconciled". */
  readonly healed?: true;
  /** How it ends once its cost is known; unset while its output is queried. */
  readonly end?: AttemptEnd;
}

/** How an attempt ends. */
export type AttemptEnd =
  /** `note` becomes the step's error_message although it succeeded. */
  | { readonly state: "COMPLETED"; readonly output: JsonObject; readonly note?: string }
  | { readonly state: "FAILED"; readonly message: string; readonly retryable: boolean };

/** How a step ended, for its edges. */
export type Ending =
  /** Success edges, and edges labelled with the normal outcome, can be taken. */
  | { readonly kind: "success" }
  /** An outcome label caught the failure: only edges with these roles can be taken. */
  | { readonly kind: "caught"; readonly roles: readonly EdgeRole[]; readonly label?: string }
  /** FAILED, and an `error` edge catches the failure. */
  | { readonly kind: "error" }
  /** FAILED and config.on_error continues, or `timeout_action: continue`: along success edges that name no decision. */
  | { readonly kind: "continued" }
  /** FAILED and uncaught. */
  | { readonly kind: "uncaught" }
  /** SKIPPED or CANCELLED: all its edges die. */
  | { readonly kind: "dead" };

/** One approval request of a gate. */
export interface ApprovalTicket {
  readonly approver: string;
  readonly requestId: string;
  /** "" while undecided, else approved, auto_approved, denied, expired; escalated: by its owner, still undecided. */
  readonly decision: string;
  readonly decidedBy: string;
  readonly reason: string;
  /**
   * When it expires, in ms after the step's start. On an expired ticket: it has expired, and the gate has not yet
   * requested the next approver. Unset: it never expires.
   */
  readonly dueAfterMs?: number;
}

/** The next approvers of a request that expires. */
export interface Escalation {
  /** Time for each request from when it is recorded, in ms; unset: only its owner can expire it. */
  readonly afterMs?: number;
  /** Approvers without a request so far, in order. */
  readonly to: readonly string[];
}

/** A decision of the policy engine, by call, by event or by hand. */
export interface GovernanceAnswer {
  /** ALLOW, DENY, REQUIRE_APPROVAL or UNSPECIFIED */
  readonly decision: string;
  readonly riskLevel: string;
  readonly reasons: readonly string[];
}

/** Which events end a wait. */
export interface EventWait {
  /** Unset: any. */
  readonly typePattern?: string;
  /** Unset: any. */
  readonly subjectPattern?: string;
  /** Events that arrived at or after this time count; unset: since the run was created. */
  readonly sinceMs?: number;
  /** When the wait opened; unset: when its step began. */
  readonly openedAtMs?: number;
}

/** The result of looking up an agent, its prompt and its skill. */
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
  /** Set only when the input is not the merge of the taken edges' outputs (config.input, compensation). */
  input?: JsonObject;
  /** The step's output; with `outputExtendsInput` only what it adds to its input. */
  output?: JsonObject;
  outputExtendsInput: boolean;
  errorMessage: string;
  costUsd: number;
  startedAtMs: number;
  completedAtMs?: number;
  /** When the current attempt times out. */
  timeoutAtMs?: number;
  /** When the step's timer fires: retry, delay, escalation. */
  wakeAtMs?: number;
  /** Index key of an open event wait (see matching/keys.ts); unset otherwise. */
  waitKey?: string;
  /** The values that the wait's filter requires of event fields (see matching/equality.ts); unset: none. */
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
