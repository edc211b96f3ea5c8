/**
 * Definitions and versions: messages of workflows.v1 ↔ values of the engine.
 * Boundary: pure. The engine's check decides whether a version is valid; here a message is only read. An unknown enum
 * number is a fault, since it could not be stored.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  EdgeSchema,
  type PublishVersionRequest,
  PublishVersionRequestSchema,
  type RetryPolicy as RetryPolicyMessage,
  RetryPolicySchema,
  StepDefinitionSchema,
  type StepDefinition as StepMessage,
  StepType as StepTypeNumber,
  TriggerType as TriggerTypeNumber,
  type WorkflowDefinition,
  WorkflowDefinitionSchema,
  type WorkflowTrigger,
  WorkflowTriggerSchema,
  type WorkflowVersion,
  WorkflowVersionSchema,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { GraphFault } from "../engine/graph/graph.ts";
import { STEP_TYPES, type StepType } from "../engine/steps/types.ts";
import {
  type RetryPolicy,
  type StepDefinition,
  TRIGGER_TYPES,
  type TriggerDefinition,
  type TriggerType,
  type VersionSpec,
} from "../engine/values/definition.ts";
import { channelName, riskLevelName } from "../engine/values/enum-names.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { writtenFloat } from "./proto/written-floats.ts";

/** The wire numbers of step types. */
export const STEP_TYPE_NUMBERS: Readonly<Record<StepType, StepTypeNumber>> = StepTypeNumber;
/** The wire numbers of trigger types. */
export const TRIGGER_TYPE_NUMBERS: Readonly<Record<TriggerType, TriggerTypeNumber>> =
  TriggerTypeNumber;

/** What a definition's message is made of. */
export interface DefinitionFacts {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly description: string;
  readonly latestVersion: number;
  readonly tags: readonly string[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What a version's message is made of. */
export interface VersionFacts {
  readonly id: string;
  readonly definitionId: string;
  readonly version: number;
  readonly spec: VersionSpec;
  readonly createdAt: Date;
}

/**
 * The version that a PublishVersionRequest describes, and what of it could not be read, by field path.
 * With faults the spec is still whole, so that the engine can report its own beside them.
 */
export function readVersionSpec(request: PublishVersionRequest): {
  spec: VersionSpec;
  faults: GraphFault[];
} {
  const faults: GraphFault[] = [];
  const steps = request.steps.map((step, index) => readStep(step, `steps[${index}]`, faults));
  const edges = request.edges.map(({ fromStepId, toStepId, conditionExpr, label }) => ({
    fromStepId,
    toStepId,
    conditionExpr,
    label,
  }));
  const spec = {
    steps,
    edges,
    trigger: readTrigger(request.trigger, faults),
    timeoutSeconds: request.timeoutSeconds,
    author: request.author,
  };
  const policy = request.defaultRetryPolicy;
  return {
    spec: policy === undefined ? spec : { ...spec, defaultRetryPolicy: readRetryPolicy(policy) },
    faults,
  };
}

/** The content of a version's message, as publishing it by PublishVersion would read it. */
export function specOfMessage(version: WorkflowVersion): VersionSpec {
  const { steps, edges, trigger, defaultRetryPolicy, timeoutSeconds, author } = version;
  const request = create(PublishVersionRequestSchema, {
    ...{ steps, edges, timeoutSeconds, author },
    ...(trigger === undefined ? {} : { trigger }),
    ...(defaultRetryPolicy === undefined ? {} : { defaultRetryPolicy }),
  });
  return readVersionSpec(request).spec;
}

/** The message of a version that is not stored. */
export function unstoredVersion(spec: VersionSpec): WorkflowVersion {
  return toVersionMessage({ id: "", definitionId: "", version: 0, spec, createdAt: new Date(0) });
}

function readStep(message: StepMessage, path: string, faults: GraphFault[]): StepDefinition {
  const stepType = STEP_TYPES[message.stepType - 1];
  if (stepType === undefined && message.stepType !== 0) {
    faults.push(unknownNumber(`${path}.step_type`, message.stepType, STEP_TYPES.length));
  }
  const step: StepDefinition = {
    id: message.id,
    name: message.name,
    stepType: stepType ?? "UNSPECIFIED",
    agentId: message.agentId,
    requiredCapability: message.requiredCapability,
    actionType: message.actionType,
    riskLevel: message.riskLevel,
    eventTypePattern: message.eventTypePattern,
    eventSubjectPattern: message.eventSubjectPattern,
    notificationChannel: message.notificationChannel,
    notificationTemplate: message.notificationTemplate,
    conditionExpr: message.conditionExpr,
    compensationStepId: message.compensationStepId,
    config: message.config ?? {},
    ...(isEmptyObject(message.config) ? { emptyConfig: true as const } : {}),
    timeoutSeconds: message.timeoutSeconds,
    promptName: message.promptName,
    skillId: message.skillId,
  };
  const policy = message.retryPolicy;
  return policy === undefined ? step : { ...step, retryPolicy: readRetryPolicy(policy) };
}

function readRetryPolicy(message: RetryPolicyMessage): RetryPolicy {
  const { maxRetries, backoffSeconds, backoffMultiplier } = message;
  return { maxRetries, backoffSeconds, backoffMultiplier: writtenFloat(backoffMultiplier) };
}

/** A version without a trigger is started by StartRun alone, which is what MANUAL says. */
function readTrigger(
  message: WorkflowTrigger | undefined,
  faults: GraphFault[],
): TriggerDefinition {
  const facts = {
    eventType: message?.eventType ?? "",
    eventSubject: message?.eventSubject ?? "",
    tapProvider: message?.tapProvider ?? "",
    tapEntityType: message?.tapEntityType ?? "",
    tapAction: message?.tapAction ?? "",
    cronExpr: message?.cronExpr ?? "",
    parentWorkflowId: message?.parentWorkflowId ?? "",
    filterExpr: message?.filterExpr ?? "",
  };
  const number = message?.triggerType ?? 0;
  const type = findTriggerType(number);
  if (type !== undefined) return { triggerType: type, ...facts };
  const field = "trigger.trigger_type";
  if (number !== 0) {
    faults.push(unknownNumber(field, number, TRIGGER_TYPES.length));
  } else if (Object.values(facts).some((fact) => fact !== "")) {
    faults.push({ field, description: "is needed where other fields of the trigger are set" });
  }
  return { triggerType: "MANUAL", ...facts, written: message === undefined ? "unset" : "empty" };
}

function unknownNumber(field: string, number: number, last: number): GraphFault {
  return { field, description: `${number} is not a value of this field; it takes 1 to ${last}` };
}

/** The trigger type of a wire number; undefined for 0 and for unknown numbers. */
export function findTriggerType(number: number): TriggerType | undefined {
  return TRIGGER_TYPES[number - 1];
}

/** workflows.v1.WorkflowDefinition */
export function toDefinitionMessage(facts: DefinitionFacts): WorkflowDefinition {
  return create(WorkflowDefinitionSchema, {
    id: facts.id,
    workspaceId: facts.workspaceId,
    name: facts.name,
    description: facts.description,
    latestVersion: facts.latestVersion,
    tags: [...facts.tags],
    createdAt: timestampFromDate(facts.createdAt),
    updatedAt: timestampFromDate(facts.updatedAt),
  });
}

/** workflows.v1.WorkflowVersion */
export function toVersionMessage({ spec, ...facts }: VersionFacts): WorkflowVersion {
  const policy = spec.defaultRetryPolicy;
  const trigger = toTriggerMessage(spec.trigger);
  return create(WorkflowVersionSchema, {
    id: facts.id,
    definitionId: facts.definitionId,
    version: facts.version,
    steps: spec.steps.map(toStepMessage),
    edges: spec.edges.map((edge) => create(EdgeSchema, { ...edge })),
    ...(trigger === undefined ? {} : { trigger }),
    timeoutSeconds: spec.timeoutSeconds,
    author: spec.author,
    createdAt: timestampFromDate(facts.createdAt),
    ...(policy === undefined
      ? {}
      : { defaultRetryPolicy: create(RetryPolicySchema, { ...policy }) }),
  });
}

/** Undefined where the author sent none. */
function toTriggerMessage({
  triggerType,
  written,
  ...facts
}: TriggerDefinition): WorkflowTrigger | undefined {
  if (written === "unset") return undefined;
  const number =
    written === "empty" ? TriggerTypeNumber.UNSPECIFIED : TRIGGER_TYPE_NUMBERS[triggerType];
  return create(WorkflowTriggerSchema, { ...facts, triggerType: number });
}

function isEmptyObject(value: JsonObject | undefined): boolean {
  return value !== undefined && Object.keys(value).length === 0;
}

function toStepMessage({
  stepType,
  retryPolicy,
  config,
  emptyConfig,
  eventPaths: _,
  ...rest
}: StepDefinition): StepMessage {
  return create(StepDefinitionSchema, {
    ...rest,
    riskLevel: riskLevelName(rest.riskLevel),
    notificationChannel: channelName(rest.notificationChannel),
    stepType: stepType === "UNSPECIFIED" ? StepTypeNumber.UNSPECIFIED : STEP_TYPE_NUMBERS[stepType],
    ...(emptyConfig === true || !isEmptyObject(config) ? { config } : {}),
    ...(retryPolicy === undefined
      ? {}
      : { retryPolicy: create(RetryPolicySchema, { ...retryPolicy }) }),
  });
}
