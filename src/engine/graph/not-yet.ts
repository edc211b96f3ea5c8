/**
 * What authors may write by the contract and this release does not run yet: refused at publish, each with a fault that
 * says so.
 * Boundary: the one list; to lift something, take it out here (and out of the kind `later` in config-keys.ts).
 */
import type { StepDefinition, StepType, VersionSpec } from "../definition.ts";
import type { AddFault } from "./faults.ts";

const keysNotYet: Readonly<Partial<Record<StepType, readonly string[]>>> = {
  AGENT_ACTION: ["queue"],
};

/** Whether this release knows a key of a type's config and runs nothing by it. */
export function isNotYet(type: StepType, key: string): boolean {
  return keysNotYet[type]?.includes(key) ?? false;
}

/** Reports everything of a version that is not available yet. */
export function checkNotYet(spec: VersionSpec, addFault: AddFault): void {
  for (const [index, step] of spec.steps.entries()) {
    const path = `steps[${index}].config`;
    checkKeys(step, path, addFault);
  }
}

function checkKeys(step: StepDefinition, path: string, addFault: AddFault): void {
  if (step.stepType === "UNSPECIFIED") return;
  for (const key of keysNotYet[step.stepType] ?? []) {
    if (Object.hasOwn(step.config, key)) addFault(`${path}.${key}`, "is not available yet");
  }
}
