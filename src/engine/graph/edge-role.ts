/**
 * Which outcome of its source step an edge belongs to.
 * Boundary: labels and the facts of step types only; conditions are looked at when the edge is decided.
 * Invariant: a label is compared exactly, and an outcome's own label comes before a timeout_action that names it too.
 */

import { OF_EVERY_STEP } from "../steps/outcomes.ts";
import { factsOf } from "../steps/registry.ts";
import type { StepDefinition } from "../values/definition.ts";
import { ownValue } from "../values/json.ts";
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
  const facts = factsOf(source.stepType);
  const outcome = (facts?.outcomes ?? OF_EVERY_STEP).find((each) => each === label);
  if (outcome !== undefined) return outcome;
  const action = timeoutActionOf(source);
  if (label !== "" && label === action && action !== "continue") return "timeout_action";
  return facts?.plainRole ?? "success";
}
