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

/**
 * The role of an edge that leaves `source` with this label. Where `timeout_action` names a label that another outcome
 * owns (`denied` on a gate), the role is that outcome's: such an edge is to be taken on a timeout as well.
 */
export function edgeRoleOf(source: StepDefinition, label: string): EdgeRole {
  if (label === "timeout" || label === "error") return label;
  const decides = source.stepType === "APPROVAL_GATE" || source.stepType === "GOVERNANCE_CHECK";
  if (decides && (label === "approved" || label === "denied" || label === "expired")) return label;
  const forks = source.stepType === "PARALLEL";
  if (forks && label === "joined") return label;
  const action = timeoutActionOf(source);
  if (label !== "" && label === action && action !== "continue") return "timeout_action";
  return forks ? "child" : "success";
}
