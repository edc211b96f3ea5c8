/**
 * Versions for tests in few words: everything that a test does not name is unset.
 * Boundary: plain values of src/engine/values/definition.ts.
 */
import type {
  EdgeDefinition,
  StepDefinition,
  TriggerDefinition,
  VersionSpec,
} from "../../../src/engine/values/definition.ts";

/** A step that is valid by itself: an AGENT_ACTION of agent `a1`, unless `fields` says otherwise. */
export function stepOf(id: string, fields: Partial<StepDefinition> = {}): StepDefinition {
  const isAgent = (fields.stepType ?? "AGENT_ACTION") === "AGENT_ACTION";
  return {
    id,
    name: "",
    stepType: "AGENT_ACTION",
    agentId: isAgent ? "a1" : "",
    requiredCapability: "",
    actionType: "",
    riskLevel: "",
    eventTypePattern: "",
    eventSubjectPattern: "",
    notificationChannel: "",
    notificationTemplate: "",
    conditionExpr: "",
    compensationStepId: "",
    config: {},
    timeoutSeconds: 0,
    promptName: "",
    skillId: "",
    ...fields,
  };
}

/** An edge written `a -> b`, or `a -> b [label]`. */
export function edgeOf(arrow: string, conditionExpr = ""): EdgeDefinition {
  const match = /^(\S*) -> (\S*?)(?: \[(.*)\])?$/.exec(arrow);
  if (match === null) throw new Error(`"${arrow}" is no edge`);
  const [, fromStepId = "", toStepId = "", label = ""] = match;
  return { fromStepId, toStepId, label, conditionExpr };
}

/** A trigger; MANUAL unless `fields` says otherwise. */
export function triggerOf(fields: Partial<TriggerDefinition> = {}): TriggerDefinition {
  return {
    triggerType: "MANUAL",
    eventType: "",
    eventSubject: "",
    tapProvider: "",
    tapEntityType: "",
    tapAction: "",
    cronExpr: "",
    parentWorkflowId: "",
    filterExpr: "",
    ...fields,
  };
}

/** A version of these steps (ids stand for agent actions) and edges (arrows stand for edges without condition). */
export function versionOf(
  steps: readonly (StepDefinition | string)[],
  edges: readonly (EdgeDefinition | string)[] = [],
  fields: Partial<VersionSpec> = {},
): VersionSpec {
  return {
    steps: steps.map((step) => (typeof step === "string" ? stepOf(step) : step)),
    edges: edges.map((edge) => (typeof edge === "string" ? edgeOf(edge) : edge)),
    trigger: triggerOf(),
    timeoutSeconds: 0,
    author: "",
    ...fields,
  };
}
