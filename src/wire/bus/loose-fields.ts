/**
 * Fields of JSON objects that others wrote: under one of several names, in one of several forms.
 *
 * Boundary: pure; what is absent or of another kind is undefined (or ""), never an error.
 */
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../engine/values/json.ts";

/** Read `{` with white space before it. */
const OBJECT_TEXT = /^\s*\{/;
const DIGEST_CHARS_AT_MOST = 256;

/** The first of these fields that is present and not null; each name also in lower camel case. */
export function readField(object: JsonObject, names: readonly string[]): Json | undefined {
  for (const name of names) {
    const value = ownValue(object, name) ?? ownValue(object, camelCase(name));
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** The first of these fields that is a text and not empty, else "". */
export function readText(object: JsonObject, names: readonly string[]): string {
  for (const name of names) {
    const value = readField(object, [name]);
    if (typeof value === "string" && value !== "") return value;
  }
  return "";
}

/** The digest that a decision names, as text whatever it is: one that is no digest is another than any. "" = it names none. */
export function readDigest(object: JsonObject): string {
  const named = readField(object, ["digest"]);
  const text = typeof named === "string" ? named : JSON.stringify(named ?? "");
  return named === undefined ? "" : text.slice(0, DIGEST_CHARS_AT_MOST).toWellFormed();
}

/** The first of these fields that is an object. */
export function readObject(object: JsonObject, names: readonly string[]): JsonObject | undefined {
  for (const name of names) {
    const value = readField(object, [name]);
    if (isJsonObject(value)) return value;
  }
  return undefined;
}

/**
 * The name of an enum's value without prefix and in capitals: `objective_state_running`, `running`
 * and the number 2 all give `RUNNING`. "" for what `numbers` does not name, and for UNSPECIFIED.
 */
export function readEnum(
  value: Json | undefined,
  prefix: string,
  numbers: Readonly<Record<string, number>>,
): string {
  const name = typeof value === "number" ? nameOf(value, numbers) : bareName(value, prefix);
  return Object.hasOwn(numbers, name) && name !== "UNSPECIFIED" ? name : "";
}

/**
 * The object in a field of bytes: as it is, as JSON text, or as base64 of JSON text (so proto3 JSON
 * writes bytes). Undefined when it holds none.
 */
export function objectOfBytes(value: Json | undefined): JsonObject | undefined {
  if (isJsonObject(value)) return value;
  if (typeof value !== "string" || value === "") return undefined;
  if (OBJECT_TEXT.test(value)) return parseObject(value);
  return parseObject(Buffer.from(value, "base64").toString("utf8"));
}

/** The JSON value of a text, undefined when it is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function nameOf(value: number, numbers: Readonly<Record<string, number>>): string {
  return Object.keys(numbers).find((name) => numbers[name] === value) ?? "";
}

function bareName(value: Json | undefined, prefix: string): string {
  if (typeof value !== "string") return "";
  const name = value.trim().toUpperCase().replaceAll("-", "_");
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function parseObject(text: string): JsonObject | undefined {
  const value = parseJson(text);
  return isJsonObject(value) ? value : undefined;
}

/** Names of fields are of the code, so these are few. */
const camelNames = new Map<string, string>();

function camelCase(name: string): string {
  const known = camelNames.get(name);
  if (known !== undefined) return known;
  const made = name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  camelNames.set(name, made);
  return made;
}
