/**
 * What authors may write by the contract and this release does not run yet: refused at publish, each with a fault that
 * says so.
 * Boundary: the one list; to lift something, take it out here (and out of the kind `later` in config-keys.ts).
 */
import type { StepDefinition, StepType, VersionSpec } from "../definition.ts";
import { ownValue } from "../json.ts";
import type { AddFault } from "./faults.ts";

const keysNotYet: Readonly<Partial<Record<StepType, readonly string[]>>> = {
  AGENT_ACTION: ["queue"],
  APPROVAL_GATE: ["escalate_after_seconds", "escalate_to"],
  GOVERNANCE_CHECK: ["escalate_after_seconds", "escalate_to"],
};

const MOST_APPROVERS = 1;

/** Reports everything of a version that is not available yet. */
export function checkNotYet(spec: VersionSpec, addFault: AddFault): void {
  for (const [index, step] of spec.steps.entries()) {
    const path = `steps[${index}].config`;
    checkKeys(step, path, addFault);
    if (step.stepType === "APPROVAL_GATE" || step.stepType === "GOVERNANCE_CHECK") {
      checkApprovers(step, path, addFault);
    }
  }
}

function checkKeys(step: StepDefinition, path: string, addFault: AddFault): void {
  if (step.stepType === "UNSPECIFIED") return;
  for (const key of keysNotYet[step.stepType] ?? []) {
    if (Object.hasOwn(step.config, key)) addFault(`${path}.${key}`, "is not available yet");
  }
}

function checkApprovers(step: StepDefinition, path: string, addFault: AddFault): void {
  const approvers = ownValue(step.config, "approvers");
  if (Array.isArray(approvers) && approvers.length > MOST_APPROVERS) {
    addFault(`${path}.approvers`, "more than one approver is not available yet");
  }
  const required = ownValue(step.config, "required");
  if (typeof required === "number" && required > MOST_APPROVERS) {
    addFault(`${path}.required`, "more than one required approval is not available yet");
  }
}
