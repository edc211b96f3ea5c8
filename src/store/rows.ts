/**
 * Rows of runs and steps ↔ the engine's values.
 * Boundary: pure. Unset is null in a row and absent (or "") in a value; times are Date here, milliseconds there.
 */
import { TRIGGER_TYPES, type TriggerType } from "../engine/values/definition.ts";
import { entityTypeName } from "../engine/values/enum-names.ts";
import {
  isFinalStep,
  RUN_STATES,
  type Run,
  type RunState,
  STEP_STATES,
  type StepRun,
  type StepState,
} from "../engine/values/run.ts";
import { hexOf, type Incoming, type Sparse } from "./columns.ts";
import { packEdges, unpackEdges } from "./edge-marks.ts";
import type { stepRuns, workflowRuns } from "./schema/runs.ts";

/** A row of workflow_runs without the input. */
export type RunRow = Omit<typeof workflowRuns.$inferSelect, "inputPayload">;
/** A row of step_runs, as far as the engine knows it. */
export type StepRow = Omit<typeof stepRuns.$inferSelect, "checkedAt">;
/** Columns that most runs leave null. */
type SeldomSet = "environment" | "vars" | "startedBy" | "concurrencyKey";
/** A run's row on its way in: what most runs leave null is unset. */
export type IncomingRun = Omit<Incoming<RunRow>, SeldomSet> &
  Partial<Pick<Incoming<RunRow>, SeldomSet>>;
/** What of a run's row may change after its start. */
export type ChangedRun = Pick<
  IncomingRun,
  | "id"
  | "rerun"
  | "inputPatches"
  | "state"
  | "startedAt"
  | "completedAt"
  | "deadlineAt"
  | "totalCostUsd"
  | "seq"
  | "stepMarks"
  | "edgeMarks"
  | "unsettled"
  | "pending"
  | "continueAt"
>;

/** A step's row on its way in: most of its columns are unset. */
export type IncomingStep = Sparse<StepRow>;

/** The engine's run of a row. Its edge marks may be longer than its version (see edge-marks.ts). */
export function runOfRow(row: RunRow): Run {
  return {
    id: row.id,
    workspaceId: row.workspaceId,
    definitionId: row.definitionId,
    versionId: row.versionId,
    definitionVersion: row.definitionVersion,
    triggerType: requireName(TRIGGER_TYPES, row.triggerType),
    triggerEventId: row.triggerEventId,
    triggerSource: row.triggerSource,
    initiatorAgentId: row.initiatorAgentId,
    initiatorUserId: row.initiatorUserId,
    parentRunId: row.parentRunId,
    ...(row.parentStep === null ? {} : { parentStep: row.parentStep }),
    entityId: row.entityId,
    // Runs of 0.1.0 hold the word of the event or of the caller.
    entityType: entityTypeName(row.entityType),
    hops: row.hops,
    ...(row.inputUnset === true ? { inputUnset: true } : {}),
    ...(row.environment === null ? {} : { environment: row.environment }),
    ...(row.vars === null ? {} : { vars: row.vars }),
    ...(row.startedBy === null ? {} : { startedBy: row.startedBy }),
    ...(row.concurrencyKey === null ? {} : { concurrencyKey: row.concurrencyKey }),
    createdAtMs: row.createdAt.getTime(),
    ...(row.rerun === null ? {} : { rerun: row.rerun }),
    ...(row.inputPatches === null ? {} : { inputPatches: row.inputPatches }),
    state: requireName(RUN_STATES, row.state),
    ...(row.startedAt === null ? {} : { startedAtMs: row.startedAt.getTime() }),
    ...(row.completedAt === null ? {} : { completedAtMs: row.completedAt.getTime() }),
    ...(row.deadlineAt === null ? {} : { deadlineAtMs: row.deadlineAt.getTime() }),
    totalCostUsd: row.totalCostUsd,
    seq: row.seq,
    // Not the Buffer itself: its `slice` would share memory with the copy.
    stepMarks: Uint8Array.from(row.stepMarks),
    edgeMarks: unpackEdges(row.edgeMarks),
    unsettled: row.unsettled ?? [],
    pending: row.pending ?? [],
    ...(row.continueAt === null ? {} : { continueAtMs: row.continueAt.getTime() }),
  };
}

/** The row of a run. */
export function rowOfRun(run: Run): IncomingRun {
  return {
    ...changeOfRun(run),
    workspaceId: run.workspaceId,
    definitionId: run.definitionId,
    versionId: run.versionId,
    definitionVersion: run.definitionVersion,
    triggerType: run.triggerType,
    triggerEventId: run.triggerEventId,
    triggerSource: run.triggerSource,
    initiatorAgentId: run.initiatorAgentId,
    initiatorUserId: run.initiatorUserId,
    parentRunId: run.parentRunId,
    parentStep: run.parentStep ?? null,
    entityId: run.entityId,
    entityType: run.entityType,
    hops: run.hops,
    inputUnset: run.inputUnset ?? null,
    ...(run.environment === undefined ? {} : { environment: run.environment }),
    ...(run.vars === undefined ? {} : { vars: run.vars }),
    ...(run.startedBy === undefined ? {} : { startedBy: run.startedBy }),
    ...(run.concurrencyKey === undefined ? {} : { concurrencyKey: run.concurrencyKey }),
    createdAt: new Date(run.createdAtMs),
  };
}

/** The changes of a run's row. */
export function changeOfRun(run: Run): ChangedRun {
  return {
    id: run.id,
    rerun: run.rerun ?? null,
    inputPatches: run.inputPatches ?? null,
    state: run.state,
    startedAt: dateOf(run.startedAtMs),
    completedAt: dateOf(run.completedAtMs),
    deadlineAt: dateOf(run.deadlineAtMs),
    totalCostUsd: run.totalCostUsd,
    seq: run.seq,
    stepMarks: hexOf(run.stepMarks),
    edgeMarks: hexOf(packEdges(run.edgeMarks)),
    unsettled: run.unsettled.length === 0 ? null : [...run.unsettled],
    pending: run.pending.length === 0 ? null : [...run.pending],
    continueAt: dateOf(run.continueAtMs),
  };
}

/** The engine's step of a row. */
export function stepOfRow(row: StepRow): StepRun {
  return {
    runId: row.runId,
    index: row.stepIndex,
    state: requireName(STEP_STATES, row.state),
    retryCount: row.retryCount,
    objectiveId: row.objectiveId ?? "",
    agentId: row.agentId ?? "",
    delegationId: row.delegationId ?? "",
    approvalRequestId: row.approvalRequestId ?? "",
    governanceDecision: row.governanceDecision ?? "",
    eventId: row.eventId ?? "",
    notificationId: row.notificationId ?? "",
    ...(row.input === null ? {} : { input: row.input }),
    ...(row.output === null ? {} : { output: row.output }),
    outputExtendsInput: row.outputExtendsInput,
    errorMessage: row.errorMessage ?? "",
    costUsd: row.costUsd,
    startedAtMs: row.startedAt.getTime(),
    ...(row.completedAt === null ? {} : { completedAtMs: row.completedAt.getTime() }),
    ...(row.timeoutAt === null ? {} : { timeoutAtMs: row.timeoutAt.getTime() }),
    ...(row.wakeAt === null ? {} : { wakeAtMs: row.wakeAt.getTime() }),
    ...(row.waitKey === null ? {} : { waitKey: row.waitKey }),
    ...(row.waitEquals === null ? {} : { waitEquals: row.waitEquals }),
    detail: row.detail ?? {},
  };
}

/** The row of a step. Nothing of a paused run falls due, so that its timers leave the index. */
export function rowOfStep(step: StepRun, run: Run): IncomingStep {
  return {
    runId: step.runId,
    stepIndex: step.index,
    workspaceId: run.workspaceId,
    state: step.state,
    retryCount: step.retryCount,
    startedAt: new Date(step.startedAtMs),
    completedAt: dateIfSet(step.completedAtMs),
    timeoutAt: dateIfSet(step.timeoutAtMs),
    wakeAt: dateIfSet(step.wakeAtMs),
    dueAt: dateIfSet(finite(dueAtMs(step, run.state))),
    costUsd: step.costUsd,
    outputExtendsInput: step.outputExtendsInput,
    waitKey: step.waitKey,
    waitEquals: step.waitEquals,
    objectiveId: step.objectiveId || undefined,
    delegationId: step.delegationId || undefined,
    approvalRequestId: step.approvalRequestId || undefined,
    ticketIds: ticketIdsOf(step),
    agentId: step.agentId || undefined,
    governanceDecision: step.governanceDecision || undefined,
    eventId: step.eventId || undefined,
    notificationId: step.notificationId || undefined,
    errorMessage: step.errorMessage || undefined,
    detail: Object.keys(step.detail).length === 0 ? undefined : step.detail,
    input: step.input,
    output: step.output,
  };
}

/** By these a report finds the step beside its present ids: the other requests of an open gate, and what it left open. */
function ticketIdsOf(step: StepRun): string[] | undefined {
  const { approvals = [], leftOpen = [] } = step.detail;
  const tickets = isFinalStep(step.state) ? [] : approvals.map(({ requestId }) => requestId);
  if (tickets.length < 2 && leftOpen.length === 0) return undefined;
  const present = new Set(["", step.objectiveId, step.delegationId, step.approvalRequestId]);
  const others = [...new Set([...tickets, ...leftOpen])].filter((id) => !present.has(id));
  return others.length === 0 ? undefined : others;
}

/** When the earlier timer of a step falls due; Infinity: it has none, or none that runs. */
export function dueAtMs(step: StepRun, runState: RunState): number {
  if (runState === "PAUSED" || isFinalStep(step.state)) return Infinity;
  return Math.min(step.timeoutAtMs ?? Infinity, step.wakeAtMs ?? Infinity);
}

function finite(ms: number): number | undefined {
  return ms === Infinity ? undefined : ms;
}

function dateIfSet(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

function requireName<Name extends RunState | StepState | TriggerType>(
  names: readonly Name[],
  text: string,
): Name {
  const name = names.find((candidate) => candidate === text);
  if (name === undefined) throw new Error(`a row names the unknown state or type ${text}`);
  return name;
}
