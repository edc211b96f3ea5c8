/**
 * Approvers and escalation of a gate's config, as far as they stand in relation to one another.
 * Boundary: the form of each value is checked in check-config.ts; values with `{{ }}` are looked at again when they are
 * rendered (steps/approvals/plan.ts).
 */

import { type AddFault, quoted } from "../../graph/faults.ts";
import type { StepDefinition } from "../../values/definition.ts";
import { type Json, ownValue } from "../../values/json.ts";

/** Most approvers of a gate, and most it can be escalated to. */
const MOST_APPROVERS = 20;

/** Reports approvers named twice, too many, too few for what is required, and half an escalation; `path` is `steps[3]`. */
export function checkApprovals(step: StepDefinition, path: string, addFault: AddFault): void {
  const approvers = ownValue(step.config, "approvers");
  const escalateTo = ownValue(step.config, "escalate_to");
  const asked = checkNames(approvers, [], `${path}.config.approvers`, addFault);
  checkNames(escalateTo, asked, `${path}.config.escalate_to`, addFault);
  checkRequired(step, path, addFault);
  const after = ownValue(step.config, "escalate_after_seconds");
  if (after === 0) addFault(`${path}.config.escalate_after_seconds`, "must be above 0");
  if (after !== undefined && escalateTo === undefined) {
    addFault(`${path}.config.escalate_to`, "escalate_after_seconds needs somebody to escalate to");
  }
}

/** The names that are fine; each of the others is reported where it stands. */
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
  // A value that is no list has its own fault.
  if (required <= Math.max(named, 1) || (approvers !== undefined && named === 0)) return;
  addFault(
    `${path}.config.required`,
    named === 0
      ? `is ${required}, but no approvers are named`
      : `is ${required}, but there are only ${named} approvers`,
  );
}
