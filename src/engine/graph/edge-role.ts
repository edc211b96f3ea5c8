/**
 * Which outcome of its source step an edge belongs to.
 * Boundary: labels and step types only; conditions are looked at when the edge is decided.
 * Invariant: a label is compared exactly, and an outcome's own label comes before a timeout_action that names it too.
 */
import type { StepDefinition } from "../definition.ts";
import { ownValue } from "../json.ts";
import type { EdgeRole } from "./graph.ts";

/** `config.timeout_action` as written: "" when unset, `continue`, or the label of the edges that catch a timeout. */
export function timeoutActionOf(step: StepDefinition): string {
  const action = ownValue(step.config, "timeout_action");
  return typeof action === "string" ? action : "";
}

/** Outcomes of every step that a label can catch. */
const OF_EVERY_STEP = ["timeout", "error"] as const;
const OF_DECISIONS = ["approved", "denied", "expired", ...OF_EVERY_STEP] as const;
const OF_FORKS = ["joined", ...OF_EVERY_STEP] as const;

/** The labels that are reserved on steps of a type, `timeout_action` apart. */
export function outcomeLabelsOf(type: StepDefinition["stepType"]): readonly OutcomeLabel[] {
  if (type === "APPROVAL_GATE" || type === "GOVERNANCE_CHECK") return OF_DECISIONS;
  return type === "PARALLEL" ? OF_FORKS : OF_EVERY_STEP;
}

/** A label that stands for an outcome wherever it is reserved. */
export type OutcomeLabel = (typeof OF_DECISIONS)[number] | (typeof OF_FORKS)[number];

/**
 * The role of an edge that leaves `source` with this label. Where `timeout_action` names a label that another outcome
 * owns (`denied` on a gate), the role is that outcome's: such an edge is to be taken on a timeout as well.
 */
export function edgeRoleOf(source: StepDefinition, label: string): EdgeRole {
  const outcome = outcomeLabelsOf(source.stepType).find((each) => each === label);
  if (outcome !== undefined) return outcome;
  const action = timeoutActionOf(source);
  if (label !== "" && label === action && action !== "continue") return "timeout_action";
  return source.stepType === "PARALLEL" ? "child" : "success";
}
