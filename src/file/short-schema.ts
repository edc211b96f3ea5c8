/**
 * The short form of a JSON Schema: `{ amount: number, note: string? }`.
 * Boundary: an object whose values are all type words is the short form, except `{ type: WORD }`, which is a schema itself.
 */
import {
  canonicalJson,
  isJsonObject,
  type Json,
  type JsonObject,
  ownValue,
  putValue,
} from "../engine/values/json.ts";

const WORD = /^(string|number|integer|boolean|object|array)(\?)?$/;

/** The schema that a value of a file means; a value in no short form is the schema. */
export function readShortSchema(value: Json): Json {
  if (!isJsonObject(value) || !isShort(value)) return value;
  const properties: JsonObject = {};
  const required: string[] = [];
  for (const [name, word] of Object.entries(value)) {
    const [, type = "", optional] = WORD.exec(String(word)) ?? [];
    putValue(properties, name, { type });
    if (optional === undefined) required.push(name);
  }
  return required.length === 0
    ? { type: "object", properties }
    : { type: "object", properties, required };
}

function isShort(value: JsonObject): boolean {
  const entries = Object.entries(value);
  if (entries.length === 0) return false;
  if (entries.length === 1 && entries[0]?.[0] === "type") return false;
  return entries.every(([, word]) => typeof word === "string" && WORD.test(word));
}

/** A schema as a file shows it: in the short form where that says all of it; undefined where it would be read as another schema. */
export function writeShortSchema(schema: Json): Json | undefined {
  const short = isJsonObject(schema) ? shorten(schema) : undefined;
  if (short !== undefined && isSame(readShortSchema(short), schema)) return short;
  return isSame(readShortSchema(schema), schema) ? schema : undefined;
}

function shorten(schema: JsonObject): JsonObject | undefined {
  const properties = ownValue(schema, "properties");
  const required = ownValue(schema, "required") ?? [];
  if (!isJsonObject(properties) || !Array.isArray(required)) return undefined;
  const short: JsonObject = {};
  for (const [name, property] of Object.entries(properties)) {
    const type = isJsonObject(property) ? ownValue(property, "type") : undefined;
    if (typeof type !== "string") return undefined;
    putValue(short, name, required.includes(name) ? type : `${type}?`);
  }
  return short;
}

function isSame(one: Json, other: Json): boolean {
  return canonicalJson(one) === canonicalJson(other);
}
