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
  readonly label: string;
  readonly about: string;
  readonly kind: FieldKind;
  readonly isRequired: boolean;
  /** Whole numbers alone. */
  readonly isWhole: boolean;
  /** Of a choice, as they are shown. */
  readonly options: readonly JsonValue[];
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
  return {
    name,
    label: typeof title === "string" ? title : "",
    about: typeof description === "string" ? description : "",
    kind: kindOf(property, options),
    isRequired,
    isWhole: type === "integer",
    options,
    first: given === undefined ? "" : textOf(given),
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

/** A value as the text of a field. */
export function textOf(value: JsonValue): string {
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) {
    return value.join("\n");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The field that a fault of the service is about, as `output_payload.ok` or `output.ok`; undefined: none of them. */
export function fieldNamed(fields: readonly FormField[], path: string): string | undefined {
  const [, first = ""] = /^output(?:_payload)?\.([^.[]+)/.exec(path) ?? [];
  return fields.find(({ name }) => name === first)?.name;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
