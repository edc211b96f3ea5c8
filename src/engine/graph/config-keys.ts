/**
 * The keys that a step's `config` may hold, by step type: one table.
 * Boundary: names and kinds of values; whether a value is right is checked in check-config.ts.
 */
import { STEP_TYPES, type StepType } from "../definition.ts";

/**
 * What a value must be. `text`, `priority`, `time` and `seconds` may be given by `{{ expr }}`; the others are read
 * without rendering and are literal. `later` has no form yet (see not-yet.ts).
 */
export type ValueKind =
  | "text"
  | "label"
  | "flag"
  | "seconds"
  | "literal_seconds"
  | "count"
  | "object"
  | "texts"
  | "time"
  | "on_error"
  | "priority"
  | "expression"
  | "workflow"
  | "later";

/** What `config.on_error` can be. */
export const ON_ERROR = ["stop", "continue", "fallback", "compensate"] as const;

type KeyTable = Readonly<Record<string, ValueKind>>;

const everyType: KeyTable = {
  on_error: "on_error",
  fallback_output: "object",
  timeout_action: "label",
  timeout_seconds: "literal_seconds",
  title: "text",
};

const gate: KeyTable = {
  ...everyType,
  input: "object",
  approvers: "texts",
  required: "count",
  escalate_after_seconds: "seconds",
  escalate_to: "texts",
};

const keysByType: Readonly<Record<StepType, KeyTable>> = {
  AGENT_ACTION: {
    ...everyType,
    input: "object",
    instructions: "text",
    delegate: "flag",
    workflow: "workflow",
    queue: "later",
  },
  APPROVAL_GATE: gate,
  GOVERNANCE_CHECK: gate,
  WAIT_FOR_EVENT: {
    ...everyType,
    filter_expr: "expression",
    lookback_seconds: "seconds",
    delay_seconds: "seconds",
    until: "time",
  },
  BRANCH: everyType,
  PARALLEL: { ...everyType, required: "count", cancel_remaining: "flag" },
  NOTIFICATION: {
    ...everyType,
    input: "object",
    recipient: "text",
    subject: "text",
    body: "text",
    priority: "priority",
    blocking: "flag",
  },
  HUMAN_TASK: {
    ...everyType,
    input: "object",
    instructions: "text",
    assignee: "text",
    output_schema: "object",
  },
};

/** The names of a type's keys, in the order of the table. */
export function configKeysOf(type: StepType): readonly string[] {
  return Object.keys(keysByType[type]);
}

/** What the value of a key must be; undefined where the type has no such key. */
export function valueKindOf(type: StepType, key: string): ValueKind | undefined {
  const keys = keysByType[type];
  return Object.hasOwn(keys, key) ? keys[key] : undefined;
}

/** Whether keys that the table has not are the author's own parameters. */
export function takesParameters(type: StepType): boolean {
  return type === "AGENT_ACTION" || type === "HUMAN_TASK";
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
