/**
 * What a version may say and its author often does not mean.
 * Boundary: a version without faults.
 */
import { factsOf } from "../engine/steps/registry.ts";
import type { StepDefinition, VersionSpec } from "../engine/values/definition.ts";
import { ownValue } from "../engine/values/json.ts";
import type { Reading } from "./read-values.ts";

/** Words of actions that change something outside for good. */
const DESTRUCTIVE =
  /(^|[._-])(charge|pay|delete|remove|transfer|book|purchase|terminate|wire)($|[._-])/;

/** Adds a warning for a gate without deadline, and for a destructive action that nothing undoes. */
export function findWarnings(spec: VersionSpec, { faults, places }: Reading): void {
  for (const [index, step] of spec.steps.entries()) {
    const place = places.find(`steps[${index}]`);
    if (place === undefined) continue;
    if (isGateWithoutDeadline(step, spec)) {
      faults.add(
        place,
        `"${step.id}" waits for a person without end: give it a timeout, or the workflow one`,
      );
    }
    const isUndo = spec.steps.some((other) => other.compensationStepId === step.id);
    if (!isUndo && isDestructive(step)) {
      faults.add(place, `"${step.id}" does ${step.actionType}, and has no undo`);
    }
  }
}

function isGateWithoutDeadline(step: StepDefinition, spec: VersionSpec): boolean {
  if (step.timeoutSeconds > 0 || spec.timeoutSeconds > 0) return false;
  if (step.stepType !== "APPROVAL_GATE") return false;
  return ownValue(step.config, "escalate_after_seconds") === undefined;
}

function isDestructive(step: StepDefinition): boolean {
  const acts = factsOf(step.stepType)?.hasAgent === true;
  return acts && step.compensationStepId === "" && DESTRUCTIVE.test(step.actionType);
}
