/**
 * What there is to say about a step: what it waits for while it is open, how it ended afterwards.
 *
 * Boundary: pure; reads the step's definition and the service's own messages.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import {
  type StepDefinition,
  type StepRun,
  StepRunState,
  StepType,
} from "../../gen/workflows/v1/workflows_pb.ts";

/** A sentence without a full stop; empty when the state says it all. */
export function explainStep(definition: StepDefinition, step: StepRun): string {
  switch (step.state) {
    case StepRunState.RUNNING:
      return explainRunning(definition, step);
    case StepRunState.WAITING:
      return `waits for ${explainWait(definition, step)}`;
    case StepRunState.COMPLETED:
    case StepRunState.COMPENSATED:
      return explainResult(definition, step);
    case StepRunState.FAILED:
    case StepRunState.CANCELLED:
      return step.errorMessage;
  }
  return "";
}

function explainRunning(definition: StepDefinition, step: StepRun): string {
  const attempt = step.retryCount > 0 ? `attempt ${step.retryCount + 1}: ` : "";
  return `${attempt}${explainTask(definition)}`;
}

function explainTask(definition: StepDefinition): string {
  switch (definition.stepType) {
    case StepType.AGENT_ACTION:
      if (queueOf(definition) !== "") return `task for the workers of ${queueOf(definition)}`;
      return definition.agentId === ""
        ? `work for an agent with ${definition.requiredCapability}`
        : `work for ${definition.agentId}`;
    case StepType.APPROVAL_GATE:
      return `asks for an approval of ${definition.actionType}`;
    case StepType.GOVERNANCE_CHECK:
      return `asks governance about ${definition.actionType}`;
    case StepType.NOTIFICATION:
      return `sends by ${definition.notificationChannel}`;
  }
  return "";
}

function explainWait(definition: StepDefinition, step: StepRun): string {
  switch (definition.stepType) {
    case StepType.APPROVAL_GATE:
    case StepType.GOVERNANCE_CHECK: {
      const approvers = definition.config?.approvers;
      const who = Array.isArray(approvers) ? approvers.join(", ") : "an approver";
      return `${who} to decide on ${shorten(step.approvalRequestId)}`;
    }
    case StepType.WAIT_FOR_EVENT:
      return `event ${definition.eventTypePattern || definition.eventSubjectPattern || "time"}`;
    case StepType.AGENT_ACTION:
      return `objective ${shorten(step.objectiveId)}`;
    case StepType.HUMAN_TASK:
      return "a person";
  }
  return "something";
}

function explainResult(definition: StepDefinition, step: StepRun): string {
  const output = step.outputPayload ?? {};
  switch (definition.stepType) {
    case StepType.AGENT_ACTION:
      return explainWork(step);
    case StepType.APPROVAL_GATE:
      return `${step.errorMessage || explainDecision(output)} (${shorten(step.approvalRequestId)})`;
    case StepType.GOVERNANCE_CHECK:
      return `governance says ${step.governanceDecision.replace("ACTION_DECISION_", "")}`;
    case StepType.BRANCH:
      return `${textOf(output.value)} takes the edge "${textOf(output.selected_edge)}"`;
    case StepType.WAIT_FOR_EVENT:
      return step.eventId === "" ? "" : `event ${shorten(step.eventId)} came`;
    case StepType.NOTIFICATION:
      return `sent by ${definition.notificationChannel.replace("DELIVERY_CHANNEL_", "").toLowerCase()}`;
  }
  return "";
}

function queueOf({ config }: StepDefinition): string {
  return textOf(config?.queue);
}

function explainWork(step: StepRun): string {
  if (step.objectiveId === "") return `done by worker ${step.agentId}`;
  const delegated = step.delegationId === "" ? "" : `, delegated as ${shorten(step.delegationId)}`;
  return `done by ${step.agentId} as ${shorten(step.objectiveId)}${delegated}`;
}

function explainDecision(output: JsonObject): string {
  const outcome = textOf(output.outcome) || "approved";
  const [first] = Array.isArray(output.approvals) ? output.approvals : [];
  if (typeof first !== "object" || first === null || Array.isArray(first)) return outcome;
  const reason = textOf(first.reason);
  return `${outcome} by ${textOf(first.decided_by)}${reason === "" ? "" : `: ${reason}`}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

const ID_CHARS = 12;

/** An id that fits into a line. */
function shorten(id: string): string {
  return id.length <= ID_CHARS ? id : `${id.slice(0, ID_CHARS)}..`;
}
