/**
 * Checks a gate's approvers and escalation against each other.
 * Boundary: check-config.ts checks the form of each value. Values with `{{ }}` are checked again when they are rendered
 * (plan.ts).
 */

import { type AddFault, quoted } from "../../graph/faults.ts";
import type { StepDefinition } from "../../values/definition.ts";
import { type Json, ownValue } from "../../values/json.ts";

/** The most approvers of a gate, and the most that it can escalate to. */
const MOST_APPROVERS = 20;

/** Reports repeated approvers, too many or too few, and an incomplete escalation; `path` is `steps[3]`. */
export function checkApprovals(step: StepDefinition, path: string, addFault: AddFault): void {
  const approvers = ownValue(step.config, "approvers");
  const escalateTo = ownValue(step.config, "escalate_to");
  const asked = checkNames(approvers, [], `${path}.config.approvers`, addFault);
  checkNames(escalateTo, asked, `${path}.config.escalate_to`, addFault);
  checkRequired(step, path, addFault);
  const after = ownValue(step.config, "escalate_after_seconds");
  if (ownValue(step.config, "remind_after_seconds") === 0) {
    addFault(`${path}.config.remind_after_seconds`, "must be above 0");
  }
  if (after === 0) addFault(`${path}.config.escalate_after_seconds`, "must be above 0");
  if (after !== undefined && escalateTo === undefined) {
    addFault(`${path}.config.escalate_to`, "escalate_after_seconds needs approvers to escalate to");
  }
}

/** The valid names; reports each of the others at its place. */
function checkNames(
  value: Json | undefined,
  before: readonly Json[],
  path: string,
  addFault: AddFault,
): readonly Json[] {
  if (!Array.isArray(value)) return [];
  if (value.length > MOST_APPROVERS) {
    addFault(path, `has ${value.length} names, the limit is ${MOST_APPROVERS}`);
    return [];
  }
  for (const [place, name] of value.entries()) {
    if (typeof name !== "string" || name === "") continue;
    const isTwice = before.includes(name) || value.indexOf(name) !== place;
    if (isTwice) addFault(`${path}[${place}]`, `names ${quoted(name)} a second time`);
  }
  return value;
}

function checkRequired({ config }: StepDefinition, path: string, addFault: AddFault): void {
  const approvers = ownValue(config, "approvers");
  const required = ownValue(config, "required");
  if (typeof required !== "number") return;
  const named = Array.isArray(approvers) ? approvers.length : 0;
  // A value that is no list has a fault of its own.
  if (required <= Math.max(named, 1) || (approvers !== undefined && named === 0)) return;
  addFault(
    `${path}.config.required`,
    named === 0
      ? `is ${required}, but no approvers are named`
      : `is ${required}, but there are only ${named} approvers`,
  );
}
