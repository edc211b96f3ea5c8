/**
 * What a value of `config` must be, and the keys that several types share.
 * Boundary: names and kinds; each type's facts have its table, graph/check-config.ts checks values.
 */

/**
 * The kind of a value. `text`, `priority`, `time` and `seconds` may be `{{ expr }}`; the others are read without
 * rendering and are literal.
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
  | "fields"
  | "time"
  | "on_error"
  | "priority"
  | "expression"
  | "workflow"
  | "queue";

/** Keys with the kinds of their values, in the order in which a fault lists them. */
export type KeyTable = Readonly<Record<string, ValueKind>>;

/** Keys of every type. */
export const EVERY_TYPES_KEYS: KeyTable = {
  on_error: "on_error",
  fallback_output: "object",
  timeout_action: "label",
  timeout_seconds: "literal_seconds",
  title: "text",
};

/** Keys of the types that ask for approvals. An input that governance has evaluated is not edited: a gate alone has `editable`. */
export const APPROVAL_KEYS: KeyTable = {
  ...EVERY_TYPES_KEYS,
  input: "object",
  approvers: "texts",
  required: "count",
  escalate_after_seconds: "seconds",
  escalate_to: "texts",
  remind_after_seconds: "literal_seconds",
  allow_self_approval: "flag",
};
