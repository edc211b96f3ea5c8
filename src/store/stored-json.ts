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
  jsonSizeBytes,
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

/** Larger payloads are read from the database: to copy one holds the event loop for 5 ms. */
const SMALL_BYTES = 32 * 1024;
const made = new WeakMap<JsonObject, StoredJson | undefined>();

/** As storedJson for a payload of at most 32 KiB. All who ask share one copy: neither may be changed. */
export function smallStoredJson(payload: JsonObject): StoredJson | undefined {
  if (made.has(payload)) return made.get(payload);
  const stored = storedJson(payload, SMALL_BYTES);
  made.set(payload, stored);
  if (stored !== undefined) made.set(stored.value, stored);
  return stored;
}

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
  for (const key of inOrder(Object.keys(object))) {
    room.bytes -= textBytes(key, room) + 2 * SEPARATOR_BYTES;
    if (room.bytes < 0) break;
    putValue(copy, key, copyOf(ownValue(object, key) ?? null, room));
  }
  return copy;
}

/** Of its JSON text; of one that is too long at least that. */
function textBytes(text: string, room: Room): number {
  return text.length > room.bytes ? text.length : jsonSizeBytes(text);
}

function numberBytes(value: number): number {
  const size = Math.abs(value);
  const isLong = size >= LARGE_NUMBER || (size > 0 && size < SMALL_NUMBER);
  return isLong ? LONGEST_NUMBER : String(value).length;
}

/** By the number of their bytes, then by the bytes themselves. */
function inOrder(keys: string[]): string[] {
  if (keys.every(isAscii)) {
    return keys.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  }
  // Units of UTF-16 have another order than bytes.
  return keys
    .map((key) => ({ key, bytes: Buffer.from(key) }))
    .sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
    .map(({ key }) => key);
}

function isAscii(text: string): boolean {
  return textSizeBytes(text) === text.length;
}
