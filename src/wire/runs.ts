/**
 * Runs and steps: what a reader sees (engine/values/view.ts) as messages of workflows.v1.
 * Boundary: pure, one way only; requests that change runs are read by their handlers.
 */
import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type StepRun,
  StepRunSchema,
  StepRunState,
  type WorkflowRun,
  WorkflowRunSchema,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { decisionName } from "../engine/values/enum-names.ts";
import { RUN_STATES, type RunState, STEP_STATES, type StepState } from "../engine/values/run.ts";
import type { RunView, StepView } from "../engine/values/view.ts";
import { STEP_TYPE_NUMBERS, TRIGGER_TYPE_NUMBERS } from "./definitions.ts";

/** The wire numbers of run states. */
export const RUN_STATE_NUMBERS: Readonly<Record<RunState, WorkflowState>> = WorkflowState;
/** The wire numbers of step states. */
export const STEP_STATE_NUMBERS: Readonly<Record<StepState, StepRunState>> = StepRunState;

/**
 * workflows.v1.WorkflowRun. Without payloads the run has neither input nor output, and its steps hold id, name,
 * type and state only.
 */
export function toRunMessage(view: RunView, options: { payloads: boolean }): WorkflowRun {
  const { run } = view;
  return create(WorkflowRunSchema, {
    id: run.id,
    definitionId: run.definitionId,
    definitionVersion: run.definitionVersion,
    workspaceId: run.workspaceId,
    state: RUN_STATE_NUMBERS[run.state],
    steps: view.steps.map(options.payloads ? toStepMessage : toBareStepMessage),
    triggerEventId: run.triggerEventId,
    triggerType: TRIGGER_TYPE_NUMBERS[run.triggerType],
    initiatorAgentId: run.initiatorAgentId,
    initiatorUserId: run.initiatorUserId,
    parentRunId: run.parentRunId,
    entityId: run.entityId,
    entityType: run.entityType,
    totalCostUsd: run.totalCostUsd,
    ...times(run),
    ...(options.payloads ? payloads(view) : {}),
  });
}

/** workflows.v1.StepRun with everything that is known of the step. */
export function toStepMessage(view: StepView): StepRun {
  const message = toBareStepMessage(view);
  const { row } = view;
  if (row === undefined) return message;
  return Object.assign(message, {
    objectiveId: row.objectiveId,
    agentId: row.agentId,
    delegationId: row.delegationId,
    approvalRequestId: row.approvalRequestId,
    governanceDecision: decisionName(row.governanceDecision),
    eventId: row.eventId,
    notificationId: row.notificationId,
    errorMessage: row.errorMessage,
    retryCount: row.retryCount,
    costUsd: row.costUsd,
    ...times(row),
    ...payloads(view),
  });
}

/** The run state of a wire number; undefined for 0 and for unknown numbers. */
export function findRunState(number: number): RunState | undefined {
  return RUN_STATES[number - 1];
}

/** The step state of a wire number; undefined for 0 and for unknown numbers. */
export function findStepState(number: number): StepState | undefined {
  return STEP_STATES[number - 1];
}

function toBareStepMessage({ step, state }: StepView): StepRun {
  return create(StepRunSchema, {
    stepId: step.def.id,
    stepName: step.def.name,
    stepType: STEP_TYPE_NUMBERS[step.type],
    state: STEP_STATE_NUMBERS[state],
  });
}

function times(of: {
  readonly startedAtMs?: number | undefined;
  readonly completedAtMs?: number | undefined;
}): { startedAt?: Timestamp; completedAt?: Timestamp } {
  return {
    ...(of.startedAtMs === undefined ? {} : { startedAt: timestampFromMs(of.startedAtMs) }),
    ...(of.completedAtMs === undefined ? {} : { completedAt: timestampFromMs(of.completedAtMs) }),
  };
}

function payloads({ input, output }: Pick<StepView, "input" | "output">) {
  return {
    ...(input === undefined ? {} : { inputPayload: input }),
    ...(output === undefined ? {} : { outputPayload: output }),
  };
}
