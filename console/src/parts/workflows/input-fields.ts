/**
 * The input of a run as fields, where its schema is flat enough for that.
 * Boundary: no component; start-dialog.tsx draws the fields. A schema that is not understood is edited as JSON.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** One field of a form. */
export interface InputField {
  readonly name: string;
  readonly label: string;
  readonly about: string;
  readonly kind: "text" | "number" | "whole" | "flag" | "choice";
  /** Of a choice. */
  readonly options: readonly JsonValue[];
  readonly isRequired: boolean;
  readonly preset: JsonValue | undefined;
}

/** What is typed, by the names of the fields; a flag is "true" or "". */
export type Typed = Readonly<Record<string, string>>;

const KINDS: Readonly<Record<string, InputField["kind"]>> = {
  string: "text",
  number: "number",
  integer: "whole",
  boolean: "flag",
};

/** The fields of an object's schema; undefined: it is none, or has more than texts, numbers, flags and choices. */
export function fieldsOf(schema: JsonObject | undefined): InputField[] | undefined {
  const properties = objectOf(schema?.properties);
  if (properties === undefined) return undefined;
  const required = Array.isArray(schema?.required) ? schema.required : [];
  const fields: InputField[] = [];
  for (const [name, property] of Object.entries(properties)) {
    const found = objectOf(property);
    const options = Array.isArray(found?.enum) ? found.enum : [];
    const kind = options.length > 0 ? "choice" : KINDS[textOf(found?.type)];
    if (found === undefined || kind === undefined) return undefined;
    fields.push({
      ...{ name, kind, options },
      label: textOf(found.title) || name,
      about: textOf(found.description),
      isRequired: required.includes(name),
      preset: found.default,
    });
  }
  return fields;
}

/** Whether the fields can hold all of an input: what has none would be lost in a form. */
export function canHold(fields: readonly InputField[], input: JsonObject): boolean {
  const names = new Set(fields.map(({ name }) => name));
  return Object.keys(input).every((name) => names.has(name));
}

/** What stands in the fields at first: values of an earlier run, else the schema's defaults. */
export function typedOf(fields: readonly InputField[], input: JsonObject): Typed {
  return Object.fromEntries(
    fields.map(({ name, preset }) => [name, asTyped(input[name] ?? preset)]),
  );
}

/** The input that was typed. Fields that are empty are left out. */
export function inputOf(fields: readonly InputField[], typed: Typed): JsonObject {
  const input: JsonObject = {};
  for (const field of fields) {
    const text = typed[field.name] ?? "";
    if (field.kind === "flag") input[field.name] = text === "true";
    else if (text !== "") input[field.name] = readValue(field, text);
  }
  return input;
}

/** Names of required fields that are empty, and of numbers that are none. */
export function faultsOf(fields: readonly InputField[], typed: Typed): ReadonlySet<string> {
  const wrong = fields.filter((field) => {
    const text = typed[field.name] ?? "";
    if (text === "") return field.isRequired && field.kind !== "flag";
    if (field.kind === "number") return !Number.isFinite(Number(text));
    return field.kind === "whole" && !Number.isSafeInteger(Number(text));
  });
  return new Set(wrong.map(({ name }) => name));
}

/** A JSON object; undefined: the text is none. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return objectOf(value);
  } catch {
    return undefined;
  }
}

function readValue({ kind, options }: InputField, text: string): JsonValue {
  if (kind === "choice") return options.find((option) => asTyped(option) === text) ?? text;
  return kind === "text" ? text : Number(text);
}

function asTyped(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? value : undefined;
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}
