// JSON values as CEL sees them, and CEL's values as JSON.
//
// Boundary: knows the value types of the library and how they are written in JSON; no expressions.
// Invariants:
// 1. Objects are views, converted key by key when an expression reads them: a comparison of one
//    field costs the same on a payload of any size.
// 2. A name of Object.prototype is a key like any other, and a key whose value is null is present.
// 3. A result is bounded: what would be larger than the limit as JSON is refused while it is built.

import {
  type CelList,
  type CelMap,
  type CelUint,
  type CelValue,
  celList,
  celListConcat,
  celMap,
  isCelList,
  isCelMap,
  isCelType,
  isCelUint,
} from "@bufbuild/cel";
import {
  isJsonObject,
  type Json,
  type JsonObject,
  jsonSizeBytes,
  ownValue,
  putValue,
} from "../values/json.ts";
import { charge } from "./fuel.ts";

/** The largest JSON text a result may have. */
export const MAX_RESULT_BYTES = 1024 * 1024;

/** Units for making a view of a container, joining two lists, listing a key or an item. */
const VIEW_UNITS = 40;
const CONCATENATION_UNITS = 120;
const KEY_UNITS = 10;
const ITEM_UNITS = 5;

const originals = new WeakMap<object, JsonObject | Json[]>();
const itemsOfLists = new WeakMap<CelList, readonly CelValue[]>();
const halvesOfLists = new WeakMap<CelList, readonly [CelList, CelList]>();

/** Thrown when a result has no JSON form or a too large one; its message says which. */
class ResultError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ResultError";
  }
}

/** The CEL value of a JSON value. Numbers stay doubles. */
export function celOfJson(value: Json): CelValue {
  if (Array.isArray(value)) return celOfArray(value);
  if (isJsonObject(value)) return celOfObject(value);
  return value;
}

function celOfArray(array: Json[]): CelList {
  charge(VIEW_UNITS);
  const list = celList(array);
  const converted = new Map<number, CelValue>();
  list.get = (index) => {
    const item = array[index];
    if (typeof item !== "object") return item;
    const known = converted.get(index);
    if (known !== undefined) return known;
    const cel = celOfJson(item);
    converted.set(index, cel);
    return cel;
  };
  originals.set(list, array);
  return walkedByItems(list);
}

function celOfObject(object: JsonObject): CelMap {
  charge(VIEW_UNITS);
  const map = celMap(new ObjectView(object));
  map.has = hasKey;
  originals.set(map, object);
  return map;
}

/** The library's own `has` takes a null value for a missing key. */
function hasKey(this: CelMap, key: bigint | string | boolean | CelUint | number): boolean {
  return this.get(key) !== undefined;
}

/**
 * The items of two lists, in order. Nothing is copied before an item is read, so that the
 * list a comprehension builds item by item costs its length and not the square of it.
 */
export function concatenated(left: CelList, right: CelList): CelList {
  charge(CONCATENATION_UNITS);
  const list = celListConcat(left, right);
  halvesOfLists.set(list, [left, right]);
  list.get = itemAt;
  return walkedByItems(list);
}

/** A list over items that are converted already. */
export function celOfItems(items: readonly CelValue[]): CelList {
  const list = celList(items);
  itemsOfLists.set(list, items);
  return list;
}

function walkedByItems(list: CelList): CelList {
  list.values = allItems;
  list[Symbol.iterator] = allItems;
  return list;
}

function itemAt(this: CelList, index: number): CelValue | undefined {
  return itemsOf(this)[index];
}

function allItems(this: CelList): IterableIterator<CelValue> {
  return itemsOf(this).values();
}

/** The items of any list, in order; they are kept, so asking again costs nothing. */
export function itemsOf(list: CelList): readonly CelValue[] {
  const known = itemsOfLists.get(list);
  if (known !== undefined) return known;
  charge(list.size * ITEM_UNITS);
  const items: CelValue[] = [];
  // Halves of halves nest as deep as a comprehension is long: a loop, where recursion would overflow.
  const open = [list];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const kept = itemsOfLists.get(next);
    const halves = halvesOfLists.get(next);
    if (kept === undefined && halves !== undefined) open.push(halves[1], halves[0]);
    else addItems(items, next, kept);
  }
  itemsOfLists.set(list, items);
  return items;
}

function addItems(items: CelValue[], list: CelList, kept: readonly CelValue[] | undefined): void {
  if (kept !== undefined) for (const item of kept) items.push(item);
  else for (let at = 0; at < list.size; at++) items.push(list.get(at) ?? null);
}

/** An object as a map that converts a value on its first read. */
class ObjectView implements ReadonlyMap<string, CelValue> {
  private readonly object: JsonObject;
  private converted: Map<string, CelValue> | undefined;
  private listed: readonly string[] | undefined;

  constructor(object: JsonObject) {
    this.object = object;
  }

  get size(): number {
    return this.ownKeys().length;
  }

  get(key: string): CelValue | undefined {
    const known = this.converted?.get(key);
    if (known !== undefined) return known;
    const value = typeof key === "string" ? ownValue(this.object, key) : undefined;
    if (value === undefined) return undefined;
    const cel = celOfJson(value);
    if (typeof value === "object") {
      this.converted ??= new Map();
      this.converted.set(key, cel);
    }
    return cel;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.object, key);
  }

  keys(): MapIterator<string> {
    const keys = this.ownKeys();
    charge(keys.length);
    return keys.values();
  }

  values(): MapIterator<CelValue> {
    return this.pairs()
      .map(([, value]) => value)
      .values();
  }

  entries(): MapIterator<[string, CelValue]> {
    return this.pairs().values();
  }

  [Symbol.iterator](): MapIterator<[string, CelValue]> {
    return this.entries();
  }

  forEach(
    callback: (value: CelValue, key: string, map: ReadonlyMap<string, CelValue>) => void,
  ): void {
    for (const [key, value] of this.pairs()) callback(value, key, this);
  }

  private ownKeys(): readonly string[] {
    if (this.listed === undefined) {
      this.listed = Object.keys(this.object);
      charge(this.listed.length * KEY_UNITS);
    }
    return this.listed;
  }

  private pairs(): [string, CelValue][] {
    const keys = this.ownKeys();
    charge(keys.length * KEY_UNITS);
    return keys.map((key) => [key, this.get(key) ?? null]);
  }
}

/**
 * The JSON of a CEL value: whole numbers as numbers, bytes as base64, timestamps and durations as
 * `textOf` writes them, types by their name. Throws ResultError for a number that is not finite and
 * for a result larger than MAX_RESULT_BYTES.
 */
export function jsonOfCel(value: CelValue, textOf: (value: CelValue) => string): Json {
  const room = { bytes: MAX_RESULT_BYTES };
  return convert(value);

  function take<T extends Json>(json: T): T {
    return takeBytes(jsonSizeBytes(json), json);
  }

  function takeBytes<T>(bytes: number, json: T): T {
    room.bytes -= bytes;
    if (room.bytes < 0) {
      throw new ResultError(`gives more than ${MAX_RESULT_BYTES} bytes of JSON`);
    }
    return json;
  }

  function convert(cel: CelValue): Json {
    if (cel === null || typeof cel === "boolean") return take(cel);
    if (typeof cel === "string") return takeBytes(cel.length, cel);
    if (typeof cel === "bigint") return take(Number(cel));
    if (typeof cel === "number") return take(finite(cel));
    const original = originals.get(cel);
    if (original !== undefined) return take(original);
    if (isCelList(cel)) return convertList(cel);
    if (isCelMap(cel)) return convertMap(cel);
    if (isCelUint(cel)) return take(Number(cel.value));
    if (cel instanceof Uint8Array) return takeBytes(cel.length * 2, base64Of(cel));
    return take(isCelType(cel) ? cel.name : textOf(cel));
  }

  function convertList(list: CelList): Json[] {
    charge(VIEW_UNITS);
    takeBytes(2 + list.size, list);
    const items = list.size === 1 ? [list.get(0) ?? null] : itemsOf(list);
    return items.map(convert);
  }

  function convertMap(map: CelMap): JsonObject {
    const object: JsonObject = {};
    for (const [key, item] of map.entries()) {
      const name = isCelUint(key) ? String(key.value) : String(key);
      putValue(object, takeBytes(name.length + 4, name), convert(item));
    }
    return object;
  }
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new ResultError(`gives ${value}, which is not a JSON number`);
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64Of(bytes: Uint8Array): string {
  charge(bytes.length);
  const chars: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [one = 0, two, three] = bytes.subarray(at, at + 3);
    const group = (one << 16) | ((two ?? 0) << 8) | (three ?? 0);
    chars.push(
      BASE64.charAt(group >> 18),
      BASE64.charAt((group >> 12) & 63),
      two === undefined ? "=" : BASE64.charAt((group >> 6) & 63),
      three === undefined ? "=" : BASE64.charAt(group & 63),
    );
  }
  return chars.join("");
}
