/**
 * A run and its steps as the engine sees them, and their compact form.
 * Boundary: plain values; times are epoch milliseconds of the database's clock; ids come from outside.
 * Invariants:
 * R1 `stepMarks` has one byte a step of the version, `edgeMarks` one byte an edge, both in version order.
 * R2 A step has a row (a StepRun) exactly when its mark carries HAS_ROW; PENDING and SKIPPED steps have none.
 * R3 A row's `state` equals the state in its mark.
 */

import type { ParentStep } from "./child-run.ts";
import type { TriggerType } from "./definition.ts";
import type { JsonObject } from "./json.ts";
import type { StepDetail } from "./step-detail.ts";

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

/** What a run knows of its reruns. */
export interface RerunLink {
  /** The run that it reruns; unset: it is no rerun. */
  readonly of?: string;
  /** The call that starts its own rerun; unset: it was not rerun. */
  readonly call?: string;
  /** Steps whose undo passed to that rerun. */
  readonly steps?: readonly number[];
}

/** What calls an RPC beside a person. */
export type StartedBy = "agent" | "service";

/** JSON merge patches by the index of a step. */
export type InputPatches = Readonly<Record<string, JsonObject>>;

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
  /** Where it was started; unset: in production. */
  readonly environment?: string;
  /** `run.vars` in expressions; unset: none, or its version reads none. */
  readonly vars?: JsonObject;
  /** What called the RPC that started it; unset: a person, nobody known, or no call. */
  readonly startedBy?: StartedBy;
  /** Its environment and what it counts under (run-limit.ts); unset: its workflow had no limit when it was started. */
  readonly concurrencyKey?: string;
  readonly createdAtMs: number;
  /** Unset: it is no rerun and was not rerun. */
  rerun?: RerunLink;
  /** What is changed in the input of a step when it begins, by its index: a JSON merge patch. Unset: nothing. */
  inputPatches?: InputPatches;
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
