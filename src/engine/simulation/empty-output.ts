/**
 * The emptiest output that fits a schema, for a person's task that has no mock.
 * Boundary: knows the words of a schema that ask for a field or a type; undefined where the schema says more than that.
 */
import { isJsonObject, type Json, type JsonObject, ownValue, putValue } from "../values/json.ts";

/** Words that ask for nothing which an empty value of the type has not. */
const PLAIN: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$comment", "title", "description", "examples", "deprecated", "readOnly"],
  ...["type", "properties", "required", "items", "default", "enum", "const"],
  ...["additionalProperties", "maxLength", "maxItems", "maxProperties", "uniqueItems"],
]);
const EMPTY = { string: "", number: 0, integer: 0, boolean: false, null: null } as const;
const MAX_DEPTH = 16;

/** The output; undefined where it cannot be told. Without a schema it is `{}`. */
export function emptyOutput(schema: JsonObject | undefined): JsonObject | undefined {
  if (schema === undefined) return {};
  const value = emptyValue(schema, 0);
  return isJsonObject(value) ? value : undefined;
}

function emptyValue(schema: Json, depth: number): Json | undefined {
  if (schema === true) return {};
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return undefined;
  if (Object.keys(schema).some((word) => !PLAIN.has(word))) return undefined;
  const constant = ownValue(schema, "const");
  if (constant !== undefined) return constant;
  const choices = ownValue(schema, "enum");
  if (Array.isArray(choices)) return choices[0];
  const preset = ownValue(schema, "default");
  if (preset !== undefined) return preset;
  const type = ownValue(schema, "type") ?? "object";
  if (type === "array") return [];
  if (type === "object") return emptyObject(schema, depth);
  return typeof type === "string" && Object.hasOwn(EMPTY, type)
    ? EMPTY[type as keyof typeof EMPTY]
    : undefined;
}

function emptyObject(schema: JsonObject, depth: number): JsonObject | undefined {
  const required = ownValue(schema, "required") ?? [];
  const properties = ownValue(schema, "properties") ?? {};
  if (!Array.isArray(required) || !isJsonObject(properties)) return undefined;
  const object: JsonObject = {};
  for (const name of required) {
    if (typeof name !== "string") return undefined;
    const value = emptyValue(ownValue(properties, name) ?? true, depth + 1);
    if (value === undefined) return undefined;
    putValue(object, name, value);
  }
  return object;
}
