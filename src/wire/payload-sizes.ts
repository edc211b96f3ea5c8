/**
 * How many bytes a payload takes in an answer, without building the answer.
 * Boundary: pure. A size is the larger one of the payload as JSON and as google.protobuf.Struct.
 */
import { type Json, type JsonObject, jsonSizeBytes, textSizeBytes } from "../engine/values/json.ts";

/**
 * The sizes of a payload's fields by their names: a payload of numbers, which the engine merges as it merges payloads, so
 * that the size of a merged payload is known without merging it. One with many fields is a single field with a name of its
 * own: merged with another one it counts whole, though fields of the same name replace each other.
 */
export function fieldSizes(payload: JsonObject, uniqueName: string): JsonObject {
  const fields = Object.entries(payload);
  const sizes = fields.map(([name, value]): [string, number] => [name, fieldSize(name, value)]);
  if (fields.length <= FIELDS_TOLD) return Object.fromEntries(sizes);
  return { [uniqueName]: sizes.reduce((sum, [, size]) => sum + size, 0) };
}

/** Bytes of the payload whose field sizes, merged, are these. */
export function sizeOfFields(sizes: JsonObject): number {
  let total = FIELD_BYTES;
  for (const [name, size] of Object.entries(sizes)) {
    if (typeof size === "number") total += size;
    // A field holds the outputs of a PARALLEL's children, by step; ids of child runs are passed unchanged.
    else if (Array.isArray(size)) total += fieldSize(name, size);
    else if (typeof size === "object" && size !== null) {
      total += sizeOfFields(size) + textSizeBytes(name) + FIELD_BYTES;
    }
  }
  return total;
}

/** Bytes of a whole payload. */
export function payloadSize(payload: JsonObject): number {
  return Object.entries(payload).reduce(
    (sum, [name, value]) => sum + fieldSize(name, value),
    FIELD_BYTES,
  );
}

// Many enough for payloads that people write; so few that a thousand steps merge in milliseconds.
const FIELDS_TOLD = 200;
// More than the frame of a field, a Struct or a list in either encoding.
const FIELD_BYTES = 16;
const NUMBER_BYTES = 9;

function fieldSize(name: string, value: Json): number {
  const asJson = jsonSizeBytes(name) + 2 + jsonSizeBytes(value);
  const key = framed(textSizeBytes(name));
  const entry = key + framed(valueSize(value));
  return Math.max(asJson, framed(entry));
}

/** Bytes of a google.protobuf.Value without its frame. */
function valueSize(value: Json): number {
  if (typeof value === "string") return framed(textSizeBytes(value));
  if (typeof value === "number") return NUMBER_BYTES;
  if (typeof value !== "object" || value === null) return 2;
  if (Array.isArray(value)) {
    return framed(value.reduce((sum: number, item) => sum + framed(valueSize(item)), 0));
  }
  const entries = Object.entries(value).reduce(
    (sum, [name, field]) => sum + framed(framed(textSizeBytes(name)) + framed(valueSize(field))),
    0,
  );
  return framed(entries);
}

/** A tag of one byte and the length, before that many bytes. */
function framed(bytes: number): number {
  let length = 1;
  for (let rest = bytes >>> 7; rest > 0; rest >>>= 7) length += 1;
  return 1 + length + bytes;
}
