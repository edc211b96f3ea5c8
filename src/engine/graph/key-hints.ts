/**
 * What is said about a key that a config does not have: where it belongs, or which keys there are.
 * Boundary: words; which keys a type has is in config-keys.ts.
 */
import { anyOf, quoted } from "./faults.ts";
import { isSingleEdit } from "./nearest-name.ts";

const RETRY = "failed attempts are repeated by the step's retry_policy";
const TIMEOUT = "the step's timeout_seconds limits an attempt";
const ORDER = "the order of steps is given by edges";
const CONDITION = "a condition is the condition_expr of an edge to the step";

/** Words of other engines and of other places in a version, with the place that they have here. */
const places: Readonly<Record<string, string>> = {
  retries: RETRY,
  retry: RETRY,
  retry_policy: RETRY,
  max_retries: RETRY,
  timeout: TIMEOUT,
  due: TIMEOUT,
  depends_on: ORDER,
  when: CONDITION,
  condition: CONDITION,
  condition_expr: CONDITION,
};

/** The words that are refused as keys of every config, in the order of their table. */
export const WORDS_ELSEWHERE: readonly string[] = Object.keys(places);

/** Where a word belongs that means something elsewhere, as a sentence; undefined of other words. */
export function placeElsewhere(key: string): string | undefined {
  return Object.hasOwn(places, key) ? places[key] : undefined;
}

/** That there is no such key, the key that is one edit away, and all that there are. */
export function unknownKeyProblem(key: string, owner: string, known: readonly string[]): string {
  const meant = known.find((name) => isSingleEdit(key, name));
  const near = meant === undefined ? "" : `; the nearest is ${quoted(meant)}`;
  return `${quoted(key)} is no key of ${owner}${near}; use ${anyOf(known)}`;
}
