/**
 * Single values of a file: texts, durations, mappings with known keys.
 * Boundary: forms, and only where the engine could not say it itself: it checks ranges and the values of `config`.
 */
import type { RetryPolicy } from "../engine/values/definition.ts";
import type { Json } from "../engine/values/json.ts";
import { DURATION_FORM, parseDuration } from "./durations.ts";
import { type FaultList, nearest, placeOf } from "./faults.ts";
import {
  describeNode,
  type Entry,
  type FileNode,
  isNull,
  keyPlace,
  type MappingNode,
  toJson,
} from "./nodes.ts";
import type { Places } from "./places.ts";
import { readShortSchema } from "./short-schema.ts";
import type { Form } from "./step-keys.ts";

/** What reading a file fills: faults, and the places of the version's fields. */
export interface Reading {
  readonly faults: FaultList;
  readonly places: Places;
}

/** The text of a node; "" with a fault when it is none, and "" for an empty value. */
export function readText(node: FileNode, faults: FaultList): string {
  if (node.kind === "scalar") {
    if (typeof node.value === "string") return node.value;
    if (node.value === null) return "";
    faults.add(placeOf(node), `must be a text, not ${describeNode(node)}; put it in quotes`);
    return "";
  }
  const hint = node.kind === "mapping" ? '; put a text that begins with "{{" in quotes' : "";
  faults.add(placeOf(node), `must be a text, not ${describeNode(node)}${hint}`);
  return "";
}

/** An expression: `true` and numbers are expressions too. */
export function readExpressionText(node: FileNode, faults: FaultList): string {
  return node.kind === "scalar" && node.value !== null ? node.text : readText(node, faults);
}

/** Whole seconds of a field of the contract; 0 with a fault for anything else. */
export function readSeconds(node: FileNode, faults: FaultList): number {
  const seconds = node.kind === "scalar" ? secondsOf(node.value) : undefined;
  if (seconds !== undefined && Number.isInteger(seconds)) return seconds;
  faults.add(placeOf(node), `is no whole number of seconds; ${DURATION_FORM}`);
  return 0;
}

function secondsOf(value: string | number | boolean | null): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" ? parseDuration(value) : undefined;
}

/** The value of a key of `config`. */
export function readConfigValue(node: FileNode, form: Form, faults: FaultList): Json {
  switch (form) {
    case "plain":
      return toJson(node);
    case "schema":
      return readShortSchema(toJson(node));
    case "texts":
      return node.kind === "scalar" && typeof node.value === "string" ? [node.value] : toJson(node);
    case "duration":
      return readConfigSeconds(node, faults);
  }
}

/** A number of seconds, or a text with `{{ }}` that will give one. */
function readConfigSeconds(node: FileNode, faults: FaultList): Json {
  if (node.kind === "scalar") {
    if (typeof node.value === "string" && node.value.includes("{{")) return node.value;
    const seconds = secondsOf(node.value);
    if (seconds !== undefined) return seconds;
  }
  faults.add(placeOf(node), `is no duration; ${DURATION_FORM}`);
  return 0;
}

/** The entries of a mapping whose keys are known; unknown ones are faults, and no mapping is one. */
export function readKnown(
  node: FileNode,
  owner: string,
  known: readonly string[],
  faults: FaultList,
): readonly Entry[] {
  if (node.kind !== "mapping") {
    faults.add(placeOf(node), `must be a mapping with ${listed(known)}, not ${describeNode(node)}`);
    return [];
  }
  return node.entries.filter((entry) => {
    if (known.includes(entry.key)) return true;
    faults.add(keyPlace(entry), unknownKey(entry.key, owner, known));
    return false;
  });
}

/** `unknown key "x" of y; did you mean "z"?`, or the keys that there are. */
export function unknownKey(key: string, owner: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return `unknown key "${key}" of ${owner}${near === "" ? `; it has ${listed(known)}` : near}`;
}

/** `a, b and c` */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? "nothing";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** `retry: { max, backoff, factor }`; `field` is its path on the wire. */
export function readRetry(node: FileNode, field: string, reading: Reading): RetryPolicy {
  const { faults, places } = reading;
  places.set(field, node);
  const policy = { maxRetries: 0, backoffSeconds: 0, backoffMultiplier: 0 };
  for (const { key, value } of readKnown(node, "retry", ["max", "backoff", "factor"], faults)) {
    if (key === "backoff") {
      policy.backoffSeconds = readSeconds(value, faults);
      places.set(`${field}.backoff_seconds`, value);
    } else {
      const number = readNumber(value, faults);
      if (key === "max") policy.maxRetries = number;
      else policy.backoffMultiplier = number;
      places.set(`${field}.${key === "max" ? "max_retries" : "backoff_multiplier"}`, value);
    }
  }
  return policy;
}

function readNumber(node: FileNode, faults: FaultList): number {
  if (node.kind === "scalar" && typeof node.value === "number") return node.value;
  faults.add(placeOf(node), `must be a number, not ${describeNode(node)}`);
  return 0;
}

/** The node as a mapping; undefined with a fault when it is none. An empty value is an empty mapping where that is allowed. */
export function requireMapping(
  node: FileNode,
  what: string,
  faults: FaultList,
): MappingNode | undefined {
  if (node.kind === "mapping") return node;
  const found = isNull(node) ? "it is empty" : `not ${describeNode(node)}`;
  faults.add(placeOf(node), `${what}${isNull(node) ? "; " : ", "}${found}`);
  return undefined;
}
