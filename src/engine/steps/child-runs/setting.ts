/** `config.workflow` of an AGENT_ACTION: where it stands and what it may hold. Boundary: looks, reports nothing. */
import type { StepDefinition } from "../../values/definition.ts";
import { isJsonObject, type JsonObject, ownValue, putValue } from "../../values/json.ts";
import type { StepKind, StepType } from "../types.ts";

/** The keys of `config.workflow`, in the order in which they are told. */
export const WORKFLOW_KEYS = [
  "definition_id",
  "name",
  "version",
  "input",
  "for_each",
  "max_parallel",
  "required",
] as const;

/** The setting of a step that starts child runs; undefined of every other step. */
export function workflowOf(step: StepDefinition): JsonObject | undefined {
  if (step.stepType !== "AGENT_ACTION") return undefined;
  const value = ownValue(step.config, "workflow");
  return isJsonObject(value) ? value : undefined;
}

/** The kind of a step of a type: one with this setting runs children, whatever else its type does. */
export function kindOf(step: StepDefinition, type: StepType): StepKind {
  return workflowOf(step) === undefined ? type : "CHILD_RUNS";
}

/** What says which version is started: one template. */
export function targetOf(workflow: JsonObject): JsonObject {
  const target: JsonObject = {};
  for (const key of ["definition_id", "name", "version"]) {
    const value = ownValue(workflow, key);
    if (value !== undefined) putValue(target, key, value);
  }
  return target;
}
