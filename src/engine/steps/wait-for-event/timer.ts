/** Whether a WAIT_FOR_EVENT waits for a time. Pure. */
import type { StepDefinition } from "../../values/definition.ts";

/** Its output is its input then. */
export function isTimer({ stepType, config }: StepDefinition): boolean {
  if (stepType !== "WAIT_FOR_EVENT") return false;
  return Object.hasOwn(config, "delay_seconds") || Object.hasOwn(config, "until");
}
