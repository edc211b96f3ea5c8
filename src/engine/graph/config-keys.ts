/**
 * The keys that a step's `config` may hold, by step type: looked up in the types' facts.
 * Boundary: names and kinds of values; whether a value is right is checked in check-config.ts.
 */
import type { ValueKind } from "../steps/keys.ts";
import { STEP_FACTS } from "../steps/registry.ts";
import { STEP_TYPES, type StepType } from "../steps/types.ts";

/** What `config.on_error` can be. */
export const ON_ERROR = ["stop", "continue", "fallback", "compensate", "hold"] as const;

/** The names of a type's keys, in the order of the table. */
export function configKeysOf(type: StepType): readonly string[] {
  return Object.keys(STEP_FACTS[type].configKeys);
}

/** What the value of a key must be; undefined where the type has no such key. */
export function valueKindOf(type: StepType, key: string): ValueKind | undefined {
  const { configKeys } = STEP_FACTS[type];
  return Object.hasOwn(configKeys, key) ? configKeys[key] : undefined;
}

/** The step types that have this key. */
export function typesWithKey(key: string): readonly StepType[] {
  return STEP_TYPES.filter((type) => valueKindOf(type, key) !== undefined);
}

const readApart: ReadonlySet<string> = new Set([
  "input",
  "filter_expr",
  "output_schema",
  "fallback_output",
  "workflow",
]);

/**
 * Whether a key's value is rendered with the rest of `config` when an attempt starts. The others are read at their own
 * time (`input`, `filter_expr`, `fallback_output`, `workflow`) or as they are (`output_schema`).
 */
export function isRenderedAtStart(type: StepType, key: string): boolean {
  return valueKindOf(type, key) === undefined || !readApart.has(key);
}
