/**
 * What OK answers of WorkflowService, and of the orders for steps, say that there is: definitions, versions, and runs with their last state.
 * Boundary: reads answers; what is stored is stored-objects.ts's.
 */
import { isMessage, type Message } from "@bufbuild/protobuf";
import {
  DeployResponseSchema,
  PutDeployPolicyResponseSchema,
  WithdrawDeploymentResponseSchema,
} from "../../../gen/workflows/ops/v1/deployments_pb.ts";
import {
  EndpointsCreateResponseSchema,
  EndpointsRotateResponseSchema,
} from "../../../gen/workflows/ops/v1/endpoints_pb.ts";
import {
  InboxClaimResponseSchema,
  InboxCommentResponseSchema,
  InboxDelegateResponseSchema,
  InboxReleaseResponseSchema,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import {
  CompleteStepResponseSchema,
  FailStepResponseSchema,
  RetryStepResponseSchema,
  SkipStepResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import {
  SchedulesCreateResponseSchema,
  SchedulesPauseResponseSchema,
  SchedulesResumeResponseSchema,
  SchedulesUpdateResponseSchema,
} from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { TemplatesInstallResponseSchema } from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { DiscardDraftResponseSchema } from "../../../gen/workflows/ops/v1/workflow_changes_pb.ts";
import {
  PublishDraftResponseSchema,
  PublishOutcome,
  PublishSourceResponseSchema,
  SaveDraftResponseSchema,
  type Workflow,
  WorkflowsArchiveResponseSchema,
  WorkflowsCreateResponseSchema,
  WorkflowsUnarchiveResponseSchema,
  WorkflowsUpdateResponseSchema,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  CancelRunResponseSchema,
  CompensateRunResponseSchema,
  CreateDefinitionResponseSchema,
  HandleTriggerResponseSchema,
  PauseRunResponseSchema,
  PublishVersionResponseSchema,
  ResumeRunResponseSchema,
  StartRunResponseSchema,
  TransitionStepResponseSchema,
  type WorkflowRun,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { findRunState } from "../../../src/wire/runs.ts";

/** By id each. */
export interface AnsweredObjects {
  /** OK answers of calls that write. */
  count: number;
  readonly made: Set<string>;
  readonly published: string[];
  readonly versions: Set<string>;
  readonly runs: Map<string, string>;
}

/** Nothing yet. */
export function answeredObjects(): AnsweredObjects {
  return { count: 0, made: new Set(), published: [], versions: new Set(), runs: new Map() };
}

/** Adds what an OK answer says; one of a call that reads adds nothing. */
export function noteAnswer(all: AnsweredObjects, answer: Message): void {
  const { count } = all;
  all.count += 1;
  if (isMessage(answer, CreateDefinitionResponseSchema)) {
    all.made.add(answer.definition?.id ?? "");
  } else if (isMessage(answer, PublishVersionResponseSchema)) {
    all.versions.add(answer.version?.id ?? "");
    all.published.push(answer.definition?.id ?? "");
  } else if (isMessage(answer, PublishSourceResponseSchema)) {
    const { definition, version, outcome } = answer;
    if (outcome === PublishOutcome.CREATED) all.made.add(definition?.id ?? "");
    // The version may be one of an earlier form of requests.
    if (outcome === PublishOutcome.UNCHANGED) return;
    all.published.push(definition?.id ?? "");
    all.versions.add(version?.id ?? "");
  } else if (isMessage(answer, TemplatesInstallResponseSchema)) {
    all.made.add(answer.definition?.id ?? "");
    all.published.push(answer.definition?.id ?? "");
    all.versions.add(answer.version?.id ?? "");
  } else if (isMessage(answer, DeployResponseSchema)) {
    all.published.push(answer.deployment?.definitionId ?? "");
  } else if (isMessage(answer, PublishDraftResponseSchema)) {
    all.published.push(answer.definition?.id ?? "");
    all.versions.add(answer.version?.id ?? "");
  } else if (isMessage(answer, WorkflowsCreateResponseSchema)) {
    all.made.add(answer.workflow?.definition?.id ?? "");
  } else if (hasWorkflow(answer)) {
    all.published.push(answer.workflow?.definition?.id ?? "");
  } else if (isMessage(answer, HandleTriggerResponseSchema)) {
    for (const run of [...answer.startedRuns, ...answer.updatedRuns]) noteRun(all, run);
  } else if (hasRun(answer)) {
    noteRun(all, answer.run);
  } else if (![...OF_OTHER_ROWS, ...OF_A_DRAFT].some((schema) => isMessage(answer, schema))) {
    all.count = count;
  }
}

const OF_ONE_RUN = [
  ...[StartRunResponseSchema, TransitionStepResponseSchema, PauseRunResponseSchema],
  ...[ResumeRunResponseSchema, CancelRunResponseSchema, CompensateRunResponseSchema],
  ...[RetryStepResponseSchema, SkipStepResponseSchema],
  ...[CompleteStepResponseSchema, FailStepResponseSchema],
];

/** They change items, a policy, endpoints or schedules alone. */
const OF_OTHER_ROWS = [
  ...[PutDeployPolicyResponseSchema, WithdrawDeploymentResponseSchema],
  ...[InboxClaimResponseSchema, InboxReleaseResponseSchema],
  ...[InboxDelegateResponseSchema, InboxCommentResponseSchema],
  ...[EndpointsCreateResponseSchema, EndpointsRotateResponseSchema],
  ...[SchedulesCreateResponseSchema, SchedulesUpdateResponseSchema],
  ...[SchedulesPauseResponseSchema, SchedulesResumeResponseSchema],
];

const OF_A_DRAFT = [SaveDraftResponseSchema, DiscardDraftResponseSchema];
const OF_A_WORKFLOW = [
  ...[WorkflowsUpdateResponseSchema, WorkflowsArchiveResponseSchema],
  WorkflowsUnarchiveResponseSchema,
];

function hasWorkflow(answer: Message): answer is Message & { workflow?: Workflow } {
  return OF_A_WORKFLOW.some((schema) => isMessage(answer, schema));
}

function hasRun(answer: Message): answer is Message & { run?: WorkflowRun } {
  return OF_ONE_RUN.some((schema) => isMessage(answer, schema));
}

function noteRun({ runs }: AnsweredObjects, run: WorkflowRun | undefined): void {
  if (run !== undefined) runs.set(run.id, findRunState(run.state) ?? "");
}
