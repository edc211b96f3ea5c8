/**
 * The keys and values of a step's config, by the table in config-keys.ts.
 * Boundary: forms and ranges; expressions inside texts are read in step-texts.ts.
 * Invariant: a typo never becomes silence: an unknown key is a fault, on types with parameters one near a known key.
 */

import { checkWorkflow } from "../steps/child-runs/check.ts";
import type { ValueKind } from "../steps/keys.ts";
import { factsOf, STEP_FACTS } from "../steps/registry.ts";
import type { StepType } from "../steps/types.ts";
import type { StepDefinition } from "../values/definition.ts";
import { isJsonObject, type Json, ownValue } from "../values/json.ts";
import { MAX_SECONDS } from "../values/limits.ts";
import { queueProblem } from "../values/task.ts";
import { configKeysOf, ON_ERROR, typesWithKey, valueKindOf } from "./config-keys.ts";
import { type AddFault, anyOf, quoted } from "./faults.ts";
import { placeElsewhere, unknownKeyProblem } from "./key-hints.ts";
import { isSingleEdit } from "./nearest-name.ts";
import { parsePointInTime } from "./point-in-time.ts";
import { PRIORITIES, priorityOf } from "./spellings.ts";

const MAX_LABEL_CHARS = 1_024;
const MOST_UNKNOWN_KEYS = 50;

/** Reports unknown keys and wrong values of a config whose size is fine; `path` is `steps[3]`. */
export function checkConfig(step: StepDefinition, path: string, addFault: AddFault): void {
  const type = step.stepType;
  if (type === "UNSPECIFIED") return;
  let unknownKeys = 0;
  for (const [key, value] of Object.entries(step.config)) {
    const kind = valueKindOf(type, key);
    const field = `${path}.config.${key}`;
    const problem = kind === undefined ? keyProblem(type, key) : valueProblem(kind, value);
    if (kind === "workflow") checkWorkflow(value, field, addFault);
    if (problem === undefined) continue;
    unknownKeys += kind === undefined ? 1 : 0;
    if (unknownKeys > MOST_UNKNOWN_KEYS) {
      addFault(`${path}.config`, `has more than ${MOST_UNKNOWN_KEYS} unknown keys`);
      break;
    }
    addFault(field, problem);
  }
  checkTogether(step, path, addFault);
}

function keyProblem(type: StepType, key: string): string | undefined {
  const known = configKeysOf(type);
  const place = placeElsewhere(key);
  if (place !== undefined) return `${quoted(key)} is no key of ${type}: ${place}`;
  const meant = known.find((name) => isSingleEdit(key, name));
  if (STEP_FACTS[type].takesParameters) {
    return meant === undefined
      ? undefined
      : `${quoted(key)} is one edit away from ${quoted(meant)}: write that, or choose another name`;
  }
  const elsewhere = typesWithKey(key);
  if (elsewhere.length > 0) {
    return `${quoted(key)} is a key of ${elsewhere.join(", ")}, not of ${type}`;
  }
  return unknownKeyProblem(key, type, known);
}

/** Reports values that contradict one another or the step's fields. */
function checkTogether(step: StepDefinition, path: string, addFault: AddFault): void {
  const { config } = step;
  if (ownValue(config, "on_error") === "fallback" && !Object.hasOwn(config, "fallback_output")) {
    addFault(`${path}.config.fallback_output`, 'on_error "fallback" needs a fallback_output');
  }
  const timeout = ownValue(config, "timeout_seconds");
  if (step.timeoutSeconds !== 0 && timeout !== undefined && timeout !== step.timeoutSeconds) {
    addFault(
      `${path}.config.timeout_seconds`,
      `says something else than the step's timeout_seconds, ${step.timeoutSeconds}`,
    );
  }
  factsOf(step.stepType)?.checkConfig?.(step, path, addFault);
}

/** What is wrong with a value, or undefined. */
function valueProblem(kind: ValueKind, value: Json): string | undefined {
  switch (kind) {
    case "workflow":
      // It has keys of its own: steps/child-runs/check.ts.
      return undefined;
    case "queue":
      return queueProblem(value);
    case "text":
    case "expression":
      return typeof value === "string" ? undefined : "must be a text";
    case "flag":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "object":
      return isJsonObject(value) ? undefined : "must be an object";
    case "label":
      return labelProblem(value);
    case "seconds":
      return hasTemplate(value) ? undefined : secondsProblem(value);
    case "literal_seconds":
      return secondsProblem(value);
    case "count":
      return typeof value === "number" && Number.isSafeInteger(value) && value > 0
        ? undefined
        : "must be a whole number above 0";
    case "texts":
      return textsProblem(value);
    case "fields":
      return fieldsProblem(value);
    case "time":
      return timeProblem(value);
    case "on_error":
      return ON_ERROR.some((word) => word === value) ? undefined : `must be ${anyOf(ON_ERROR)}`;
    case "priority":
      return priorityProblem(value);
  }
}

function hasTemplate(value: Json): boolean {
  return typeof value === "string" && value.includes("{{");
}

function labelProblem(value: Json): string | undefined {
  if (typeof value !== "string" || value === "")
    return 'must be "continue" or the label of an edge';
  if (hasTemplate(value)) return "cannot hold {{ }}: labels are known when a version is published";
  return value.length > MAX_LABEL_CHARS
    ? `has ${value.length} characters, the limit is ${MAX_LABEL_CHARS}`
    : undefined;
}

function secondsProblem(value: Json): string | undefined {
  return typeof value === "number" && value >= 0 && value <= MAX_SECONDS
    ? undefined
    : `must be a number of seconds from 0 to ${MAX_SECONDS}`;
}

function textsProblem(value: Json): string | undefined {
  const fine =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => typeof item === "string" && item !== "");
  return fine ? undefined : "must be a list of texts that are not empty";
}

function fieldsProblem(value: Json): string | undefined {
  const problem = textsProblem(value);
  if (problem !== undefined || !Array.isArray(value)) return problem;
  const isField = (item: Json) =>
    typeof item === "string" && !hasTemplate(item) && item.split(".").every((name) => name !== "");
  return value.every(isField)
    ? undefined
    : 'must be a list of fields of the input, such as "amount_usd" or "customer.email"';
}

function timeProblem(value: Json): string | undefined {
  if (hasTemplate(value)) return undefined;
  return typeof value === "string" && parsePointInTime(value) !== undefined
    ? undefined
    : 'must be a date and time as in "2030-01-31T08:00:00Z" (RFC 3339), in the years 1 to 9999 of UTC';
}

function priorityProblem(value: Json): string | undefined {
  if (hasTemplate(value)) return undefined;
  return typeof value === "string" && priorityOf(value) !== undefined
    ? undefined
    : `must be ${anyOf(PRIORITIES)}`;
}
