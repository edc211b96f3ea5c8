/**
 * The JSON Schema of workflow files, for editors: made from the tables that the reader uses.
 * Boundary: completion and simple faults. What a file means is checked by readWorkflowFile alone.
 */
import { ON_ERROR } from "../engine/graph/config-keys.ts";
import type { Json, JsonObject } from "../engine/values/json.ts";
import { DURATION_PATTERN } from "./durations.ts";
import { FILE_KEYS } from "./read-file.ts";
import { EVERY_STEPS_KEYS } from "./read-step.ts";
import { SPECIAL_BESIDE } from "./special-keys.ts";
import { keysBeside, type ShortKey, STEP_KINDS, TEXT_FIELDS } from "./step-keys.ts";
import { EDGE_KEYS } from "./written-edges.ts";

const TEXT = { type: "string" };
const ANY_OBJECT = { type: "object" };
const DURATION: JsonObject = {
  description: "A duration as 30s, 15m, 24h or 7d, or a number of seconds.",
  anyOf: [
    { type: "number", minimum: 0 },
    { type: "string", pattern: `${DURATION_PATTERN}|\\{\\{` },
  ],
};
const STEPS: JsonObject = { anyOf: [TEXT, { type: "array", items: TEXT }] };
const CHOICE: JsonObject = {
  type: "object",
  properties: { when: { $ref: "#/$defs/expression" }, go: TEXT, label: TEXT },
  required: ["go"],
  additionalProperties: false,
};
const CHOICES: JsonObject = { type: "array", items: { anyOf: [TEXT, CHOICE] } };
const RETRY: JsonObject = {
  type: "object",
  properties: {
    max: { type: "integer", minimum: 0 },
    backoff: DURATION,
    factor: { type: "number", minimum: 0 },
  },
  additionalProperties: false,
};

/** What the keys of a file hold. */
const FILE_VALUES: Readonly<Record<string, JsonObject>> = {
  workflow: { ...TEXT, description: "The definition's name in its workspace." },
  description: TEXT,
  tags: { type: "array", items: TEXT },
  author: TEXT,
  on: { description: "What starts runs.", anyOf: [{ enum: ["manual", "workflow"] }, ANY_OBJECT] },
  input: {
    ...ANY_OBJECT,
    description: "A JSON Schema of the input, or names with types such as string or number?",
  },
  timeout: DURATION,
  retry: RETRY,
  steps: { type: "object", additionalProperties: { $ref: "#/$defs/step" } },
  edges: {
    type: "array",
    description: "Paths that the short forms cannot say. With it no step follows another by order.",
    items: {
      type: "object",
      properties: Object.fromEntries(EDGE_KEYS.map((key): [string, Json] => [key, TEXT])),
      required: ["from", "to"],
      additionalProperties: false,
    },
  },
};

/** What keys hold that are more than another name. */
const SPECIAL_VALUES: Readonly<Record<string, JsonObject>> = {
  name: TEXT,
  timeout: DURATION,
  on_timeout: { ...TEXT, description: "continue, or the label under on: that a timeout takes." },
  retry: RETRY,
  on_error: {
    anyOf: [
      { enum: [...ON_ERROR] },
      { type: "object", properties: { fallback: ANY_OBJECT }, additionalProperties: false },
    ],
  },
  undo: {
    description: "The step that undoes this one, or its id.",
    anyOf: [TEXT, { $ref: "#/$defs/step" }],
  },
  next: {
    description: "The step or steps after a good end, or end.",
    anyOf: [TEXT, CHOICE, CHOICES],
  },
  needs: STEPS,
  when: { $ref: "#/$defs/expression" },
  on: { type: "object", additionalProperties: STEPS },
  config: ANY_OBJECT,
  fields: {
    type: "object",
    properties: Object.fromEntries(
      Object.keys(TEXT_FIELDS).map((name): [string, Json] => [name, TEXT]),
    ),
    additionalProperties: false,
  },
  id: {
    ...TEXT,
    description: "The id of a step under undo:; undo- and the id of its owner unless given.",
  },
  for_each: TEXT,
  max_parallel: { type: "integer", minimum: 1 },
  required: { type: "integer", minimum: 1 },
  repeat_while: TEXT,
  // biome-ignore lint/suspicious/noThenProperty: it is a key of the file.
  then: { type: "object", additionalProperties: TEXT },
  else: TEXT,
  escalate: {
    type: "object",
    properties: { after: DURATION, to: STEPS },
    additionalProperties: false,
  },
  run: { anyOf: [TEXT, ANY_OBJECT] },
  wait: { anyOf: [DURATION, ANY_OBJECT] },
  branch: {
    anyOf: [{ $ref: "#/$defs/expression" }, { type: "array", items: CHOICE }, { type: "null" }],
  },
  parallel: {
    anyOf: [
      { type: "object", additionalProperties: { $ref: "#/$defs/step" } },
      { type: "array", items: TEXT },
      { type: "null" },
    ],
  },
};

/** The schema. */
export function workflowFileSchema(): JsonObject {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Workflow file",
    type: "object",
    properties: Object.fromEntries(
      FILE_KEYS.map((key): [string, Json] => [key, FILE_VALUES[key] ?? {}]),
    ),
    required: ["workflow", "steps"],
    additionalProperties: false,
    $defs: {
      expression: { anyOf: [TEXT, { type: "boolean" }, { type: "number" }] },
      step: { anyOf: Object.keys(STEP_KINDS).map((kind) => ({ $ref: `#/$defs/${kind}` })) },
      ...Object.fromEntries(
        Object.keys(STEP_KINDS).map((kind): [string, Json] => [kind, kindSchema(kind)]),
      ),
    },
  };
}

/** A step of a kind: its own key is required, every other key of it may be there. */
function kindSchema(kind: string): JsonObject {
  const own = kind === "agent" ? ["agent", "capability"] : [kind];
  const short = [...own.flatMap((each) => STEP_KINDS[each]?.own ?? []), ...keysBeside(kind)];
  const special = [kind, ...(SPECIAL_BESIDE[kind] ?? []), ...EVERY_STEPS_KEYS, "id"];
  const properties: JsonObject = {};
  for (const each of short) properties[each.key] = shortSchema(each);
  for (const key of special) properties[key] ??= SPECIAL_VALUES[key] ?? {};
  return { type: "object", properties, required: [kind], additionalProperties: false };
}

/** The engine's check knows what a value may be; an editor is told what it means. */
function shortSchema(short: ShortKey): JsonObject {
  const { about: description, key } = short;
  if ("config" in short) {
    return short.form === "duration" ? { ...DURATION, description } : { description };
  }
  return Object.hasOwn(STEP_KINDS, key)
    ? { type: ["string", "null"], description }
    : { ...TEXT, description };
}
