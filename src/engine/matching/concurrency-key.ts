/**
 * The key under which a run counts, by the expression of its workflow.
 * Boundary: pure. Names are the fields of the run's input, and `input` is the input as a whole.
 */
import { type Expression, evaluate, parseExpression } from "../expression/expression.ts";
import type { JsonObject } from "../values/json.ts";
import { storedKey } from "../values/run-limit.ts";

/** The expression, or what is wrong with it; `isNew`: it is about to be stored. */
export function readConcurrencyKey(source: string, isNew = false) {
  return parseExpression(source, { stepIds: [], kind: "trigger_filter", isNew });
}

/** The key of a start as it is stored. An expression that gives no value, as where a field is missing, counts as an empty text. */
export function concurrencyKeyOf(
  expression: Expression | undefined,
  environment: string | undefined,
  input: JsonObject,
): string {
  if (expression === undefined) return storedKey(environment, undefined);
  const key = evaluate(expression, { fields: { ...input, input } });
  return storedKey(environment, key.ok ? key.value : "");
}
