/** The value of `config.workflow` of an AGENT_ACTION. Boundary: reads, reports no faults. */
import type { StepDefinition } from "../../values/definition.ts";
import { isJsonObject, type JsonObject, ownValue, putValue } from "../../values/json.ts";

/** The keys of `config.workflow`, in the order in which a fault lists them. */
export const WORKFLOW_KEYS = [
  "definition_id",
  "name",
  "version",
  "input",
  "for_each",
  "max_parallel",
  "required",
  "repeat_while",
] as const;

/** The setting of a step that starts child runs; undefined for every other step. */
export function workflowOf(step: StepDefinition): JsonObject | undefined {
  if (step.stepType !== "AGENT_ACTION") return undefined;
  const value = ownValue(step.config, "workflow");
  return isJsonObject(value) ? value : undefined;
}

/** The keys that name the version to start, as one template. */
export function targetOf(workflow: JsonObject): JsonObject {
  const target: JsonObject = {};
  for (const key of ["definition_id", "name", "version"]) {
    const value = ownValue(workflow, key);
    if (value !== undefined) putValue(target, key, value);
  }
  return target;
}

/** A workflow that a step names by its id, else by its name. */
export interface FixedTarget {
  readonly id: string;
  readonly name: string;
}

/** The workflow that a step starts; undefined where it starts none, or an expression names it. */
export function fixedTargetOf(step: StepDefinition): FixedTarget | undefined {
  const setting = workflowOf(step) ?? {};
  const id = ownValue(setting, "definition_id") ?? "";
  const name = ownValue(setting, "name") ?? "";
  if (typeof id !== "string" || typeof name !== "string") return undefined;
  const text = `${id}${name}`;
  return text === "" || text.includes("{{") ? undefined : { id, name };
}
