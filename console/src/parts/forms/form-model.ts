/**
 * A form for what a JSON Schema describes: its fields, and the object that their texts make.
 * Boundary: pure. The service checks the object by the schema; here is what a form can say before.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** How a field is filled in. `json`: what has no better form. */
type FieldKind = "text" | "long" | "number" | "date" | "flag" | "choice" | "lines" | "json";

/** One property of the object. */
export interface FormField {
  readonly name: string;
  /** Its title, else its name as words. */
  readonly label: string;
  readonly about: string;
  readonly kind: FieldKind;
  readonly isRequired: boolean;
  /** Whole numbers alone. */
  readonly isWhole: boolean;
  /** Of a choice, as they are shown. */
  readonly options: readonly JsonValue[];
  /** What stands in it before anything is typed. */
  readonly first: string;
}

const LONG_FROM = 200;

/** The fields of an object; undefined: the schema describes no object whose properties it names. */
export function fieldsOf(schema: JsonObject | undefined): FormField[] | undefined {
  const properties = schema?.properties;
  if (!isObject(properties)) return undefined;
  const required = Array.isArray(schema?.required) ? schema.required : [];
  return Object.entries(properties).map(([name, property]) =>
    fieldOf(name, isObject(property) ? property : {}, required.includes(name)),
  );
}

function fieldOf(name: string, property: JsonObject, isRequired: boolean): FormField {
  const { title, description, type, default: given } = property;
  const options = Array.isArray(property.enum) ? property.enum : [];
  const kind = kindOf(property, options);
  return {
    name,
    label: typeof title === "string" ? title : labelOf(name),
    about: typeof description === "string" ? description : "",
    kind,
    isRequired,
    isWhole: type === "integer",
    options,
    first: given === undefined ? "" : textAs(kind, given),
  };
}

function kindOf(property: JsonObject, options: readonly JsonValue[]): FieldKind {
  const { type, format, maxLength, items } = property;
  if (options.length > 0) return "choice";
  switch (type) {
    case "string":
      if (format === "date") return "date";
      return Number(maxLength ?? 0) > LONG_FROM ? "long" : "text";
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "flag";
    case "array":
      return isObject(items) && items.type === "string" ? "lines" : "json";
    default:
      return "json";
  }
}

/** What was filled in, by the names of the fields. */
export type Filled = Readonly<Record<string, string>>;

/** The object, and what is wrong by field. */
export interface FormResult {
  readonly output: JsonObject;
  readonly faults: ReadonlyMap<string, string>;
}

/** What the texts of a form mean. A field without a text is left out. */
export function resultOf(fields: readonly FormField[], filled: Filled): FormResult {
  const output: JsonObject = {};
  const faults = new Map<string, string>();
  for (const field of fields) {
    const text = filled[field.name] ?? field.first;
    if (text.trim() === "") {
      if (field.isRequired) faults.set(field.name, "This is needed");
      continue;
    }
    const { value, fault } = readText(field, text);
    if (fault !== "") faults.set(field.name, fault);
    // A property may be named as one that every object has.
    else Object.defineProperty(output, field.name, { value, ...OWN });
  }
  return { output, faults };
}

const OWN = { enumerable: true, configurable: true, writable: true };

function readText(field: FormField, text: string): { value: JsonValue; fault: string } {
  switch (field.kind) {
    case "number": {
      const value = Number(text);
      const isFit = Number.isFinite(value) && (!field.isWhole || Number.isInteger(value));
      return { value, fault: isFit ? "" : field.isWhole ? "A whole number" : "A number" };
    }
    case "flag":
      return { value: text === "true", fault: "" };
    case "choice": {
      const value = field.options.find((option) => textOf(option) === text);
      return value === undefined ? { value: null, fault: "One of these" } : { value, fault: "" };
    }
    case "lines":
      return { value: text.split("\n").filter((line) => line.trim() !== ""), fault: "" };
    case "json":
      return readJson(text);
    default:
      return { value: text, fault: "" };
  }
}

function readJson(text: string): { value: JsonValue; fault: string } {
  try {
    return { value: JSON.parse(text), fault: "" };
  } catch (error) {
    return { value: null, fault: error instanceof Error ? error.message : String(error) };
  }
}

/** A value of a choice as text. */
export function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A value as the text of a field of this kind. */
function textAs(kind: FieldKind, value: JsonValue): string {
  const isLines = kind === "lines" && Array.isArray(value) && value.every(isText);
  if (isLines) return value.join("\n");
  return kind === "json" ? JSON.stringify(value) : textOf(value);
}

function isText(value: JsonValue): value is string {
  return typeof value === "string";
}

/** What stands in the fields for an object: fields that it does not have keep what the schema gives. */
export function filledFrom(fields: readonly FormField[], object: JsonObject): Filled {
  const has = (name: string) => Object.hasOwn(object, name);
  return Object.fromEntries(
    fields
      .filter(({ name }) => has(name))
      .map(({ name, kind }) => [name, textAs(kind, object[name] ?? null)]),
  );
}

/** Whether the fields can hold all of an object: what has none, or does not fit, would be lost in a form. */
export function canHold(fields: readonly FormField[], object: JsonObject): boolean {
  const { output, faults } = resultOf(fields, filledFrom(fields, object));
  return Object.entries(object).every(
    ([name, value]) =>
      !faults.has(name) &&
      Object.hasOwn(output, name) &&
      JSON.stringify(output[name]) === JSON.stringify(value),
  );
}

/** A JSON object; undefined: the text is none. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `amount_usd` as `Amount usd`; a name with spaces or capitals stays as it is. */
export function labelOf(name: string): string {
  const words = name
    .replaceAll(/[_-]+/g, " ")
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .trim();
  return words === "" ? name : words.charAt(0).toUpperCase() + words.slice(1);
}

/** The field that a fault of the service is about, as `output_payload.ok` or `output.ok`; undefined: none of them. */
export function fieldNamed(fields: readonly FormField[], path: string): string | undefined {
  const [, first = ""] = /^output(?:_payload)?\.([^.[]+)/.exec(path) ?? [];
  return fields.find(({ name }) => name === first)?.name;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
