/**
 * What a caller gave, read by tables: names with their kinds, unknown ones refused with the nearest that is known.
 * Boundary: JSON to the fields of a request; what the service makes of them is its own.
 */

import { isJsonObject, type Json, type JsonObject } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { ToolFault } from "./world.ts";

/** A word, and what stands for it in a request. */
export type Words<Value extends number = number> = ReadonlyMap<string, Value>;

/** How one key of a filter is given, and the field of the request that it fills. */
interface FilterKey {
  /** In lowerCamelCase; "": the caller of readFilter takes it out of `own`. */
  readonly field: string;
  readonly kind: "text" | "flag" | "number" | "time" | "words";
  /** Of kind words. */
  readonly words?: Words;
  /** The field is a list. */
  readonly isList?: true;
}

/** Keys by the names that callers give. */
export type FilterKeys = Readonly<Record<string, FilterKey>>;

/** A filter as the fields of its request; `own` has the words of keys without a field. */
export interface ReadFilter {
  readonly fields: JsonObject;
  readonly own: ReadonlyMap<string, Json>;
}

/** Reads a filter. Throws a ToolFault for an unknown key, and for a value that is of another kind. */
export function readFilter(type: string, given: Json | undefined, keys: FilterKeys): ReadFilter {
  const fields: JsonObject = {};
  const own = new Map<string, Json>();
  for (const [name, value] of Object.entries(requireObject("filter", given ?? {}))) {
    const key = findName(name, Object.keys(keys), `filter of ${type}`, "filter.");
    const known = keys[key];
    if (known === undefined) continue;
    const read = readValue(`filter.${name}`, value, known);
    if (known.field === "") own.set(key, read);
    else fields[known.field] = read;
  }
  return { fields, own };
}

/** The known name that a caller means, in either case style. Throws a ToolFault that names the nearest, and all. */
export function findName(
  given: string,
  known: readonly string[],
  owner: string,
  before = "",
): string {
  const name = camelCase(given);
  if (known.includes(name)) return name;
  const all = known.length === 0 ? "it has no keys" : `use ${known.join(", ")}`;
  throw new ToolFault(
    `${before}${shown(given)} is no key of the ${owner}${nearest(name, known)}; ${all}`,
  );
}

/** An object, or a ToolFault. */
export function requireObject(name: string, value: Json): JsonObject {
  if (isJsonObject(value)) return value;
  throw new ToolFault(`${name} must be an object`);
}

/** The number of a word. Throws a ToolFault that names the nearest, and all. */
export function findWord<Value extends number>(
  name: string,
  given: Json,
  words: Words<Value>,
): Value {
  const text = typeof given === "string" ? given : "";
  const word = text.toUpperCase().replaceAll(/[\s-]+/g, "_");
  const found = words.get(word);
  if (found !== undefined) return found;
  const all = [...words.keys()];
  throw new ToolFault(
    `${name} is ${shown(given)}${nearest(word, all)}; use one of ${all.join(", ")}`,
  );
}

/** The names of an enum without its value 0. */
export function wordsOf(values: Readonly<Record<string, number | string>>): Words {
  const named = Object.entries(values).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && entry[1] !== 0,
  );
  return new Map(named);
}

/** The name of an enum's value, as the contract has it; "" of the value 0. */
export function wordOf(
  values: Readonly<Record<string, number | string>>,
  value: number | undefined,
): string {
  if (value === undefined || value === 0) return "";
  return Object.entries(values).find(([, number]) => number === value)?.[0] ?? String(value);
}

/** A value as a fault shows it. */
export function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

function readValue(name: string, value: Json, { kind, words, isList }: FilterKey): Json {
  switch (kind) {
    case "text":
      if (typeof value !== "string") throw new ToolFault(`${name} must be a text`);
      return value;
    case "flag":
      if (typeof value !== "boolean") throw new ToolFault(`${name} must be true or false`);
      return value;
    case "number":
      if (typeof value !== "number") throw new ToolFault(`${name} must be a number`);
      return value;
    case "time":
      return readTime(name, value);
    case "words": {
      const given = Array.isArray(value) ? value : [value];
      const read = given.map((each) => findWord(name, each, words ?? new Map()));
      if (isList === true) return read;
      if (read.length !== 1) throw new ToolFault(`${name} must be one word`);
      return read[0] ?? 0;
    }
  }
}

function readTime(name: string, value: Json): string {
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw new ToolFault(`${name} must be a time such as 2026-01-31T09:00:00Z`);
  return new Date(at).toISOString();
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
