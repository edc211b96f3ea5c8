// Slips: what can be evaluated and never means what its author wrote. They are refused when a version is
// published; a stored version keeps them.
//
// Boundary: says what is wrong with one node; syntax.ts decides when that counts.

import type { Node } from "./tree.ts";

/** What a finished step has in expressions. */
const STEP_FIELDS: readonly string[] = ["input", "output", "state"];
/** Fields that the service gives at top level: a compensation step's input has the output of the step it compensates. */
const GIVEN_FIELDS: readonly string[] = ["output"];

/**
 * What is wrong with `NAME.field` where NAME is neither a step nor `input`: only a step has an output, an input and a
 * state. In the filters `state` may be the event's, and so may everything of `data`.
 */
export function findStepSlip(
  name: string,
  field: string,
  { isFilter }: { readonly isFilter: boolean },
): string | undefined {
  if (!STEP_FIELDS.includes(field) || GIVEN_FIELDS.includes(name)) return undefined;
  if (isFilter && (field === "state" || name === "data")) return undefined;
  return `there is no step "${name}" for "${name}.${field}"; write ${name}["${field}"] for a field of that name`;
}

/** What is wrong with a constant: a whole number that JSON doubles cannot distinguish from its neighbours. */
export function findNumberSlip(node: Node): string | undefined {
  if (node.exprKind.case !== "constExpr") return undefined;
  const { constantKind } = node.exprKind.value;
  if (constantKind.case !== "int64Value" && constantKind.case !== "uint64Value") return undefined;
  const { value } = constantKind;
  if (value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER) return undefined;
  return `the whole number ${value} is beyond 2^53, where numbers of JSON are not exact: compare texts instead`;
}
