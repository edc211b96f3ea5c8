/**
 * Payloads as a column of type jsonb gives them back, made without the database.
 * Boundary: pure; for payloads that can be stored (engine/values/limits.ts), which bounds their depth.
 *
 * A jsonb value has its keys in an order of its own, shorter ones first, and knows no negative zero.
 */
import {
  isJsonObject,
  type Json,
  type JsonObject,
  ownValue,
  putValue,
  textSizeBytes,
} from "../engine/values/json.ts";

/** A payload as it is read. */
export interface StoredJson {
  readonly value: JsonObject;
  /** Bytes that its text has in the database at most. */
  readonly bytes: number;
}

/** Postgres writes every digit of a number: this many characters of the smallest and of the largest double. */
const LONGEST_NUMBER = 350;
/** From here on JSON has an exponent where Postgres has digits. */
const LARGE_NUMBER = 1e21;
const SMALL_NUMBER = 1e-6;
/** Postgres puts a blank behind each comma and colon. */
const SEPARATOR_BYTES = 2;

/** The payload as it is read; undefined when its text in the database may be longer than so many bytes. */
export function storedJson(payload: JsonObject, bytesAtMost: number): StoredJson | undefined {
  const room = { bytes: bytesAtMost };
  const value = copyObject(payload, room);
  return room.bytes < 0 ? undefined : { value, bytes: bytesAtMost - room.bytes };
}

interface Room {
  /** Below 0: it was too small, and the copy is not complete. */
  bytes: number;
}

function copyOf(value: Json, room: Room): Json {
  if (typeof value === "string") room.bytes -= textBytes(value, room);
  else if (Array.isArray(value)) return copyList(value, room);
  else if (isJsonObject(value)) return copyObject(value, room);
  else if (typeof value === "number") {
    room.bytes -= numberBytes(value);
    return value === 0 ? 0 : value;
  } else room.bytes -= String(value).length;
  return value;
}

function copyList(list: readonly Json[], room: Room): Json[] {
  const copy: Json[] = [];
  room.bytes -= SEPARATOR_BYTES;
  for (const item of list) {
    room.bytes -= SEPARATOR_BYTES;
    if (room.bytes < 0) break;
    copy.push(copyOf(item, room));
  }
  return copy;
}

function copyObject(object: JsonObject, room: Room): JsonObject {
  const copy: JsonObject = {};
  room.bytes -= SEPARATOR_BYTES;
  for (const key of sorted(Object.keys(object))) {
    room.bytes -= textBytes(key, room) + 2 * SEPARATOR_BYTES;
    if (room.bytes < 0) break;
    putValue(copy, key, copyOf(ownValue(object, key) ?? null, room));
  }
  return copy;
}

/** Of its JSON text; of one that is too long at least that. */
function textBytes(text: string, room: Room): number {
  if (text.length > room.bytes) return text.length;
  return JSON.stringify(text).length + textSizeBytes(text) - text.length;
}

function numberBytes(value: number): number {
  const size = Math.abs(value);
  const isLong = size >= LARGE_NUMBER || (size > 0 && size < SMALL_NUMBER);
  return isLong ? LONGEST_NUMBER : String(value).length;
}

/** By bytes of the key, then by the bytes themselves. */
function sorted(keys: string[]): string[] {
  const sizes = new Map(keys.map((key) => [key, textSizeBytes(key)]));
  const sizeOf = (key: string) => sizes.get(key) ?? 0;
  return keys.sort((a, b) => sizeOf(a) - sizeOf(b) || compareBytes(a, b));
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
