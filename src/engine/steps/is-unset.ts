/** Whether a step has no value for a key of config: the key is missing, or its text is empty. Pure. */
import type { StepDefinition } from "../values/definition.ts";
import { ownValue } from "../values/json.ts";

/** See the file's head. */
export function isUnset(step: StepDefinition, key: string): boolean {
  const value = ownValue(step.config, key);
  return value === undefined || value === "";
}
