/**
 * Bytes of google.protobuf.Struct, Value and ListValue as the JSON that they are.
 *
 * Boundary: pure; the hot part of json.ts. Throws ProtobufFault.
 * Invariant: keys are data: `__proto__` is read as an own key.
 */
import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { isJsonObject, type Json, type JsonObject, putValue } from "../../engine/values/json.ts";
import { ProtobufFault, readEnd, requireDepth, requireEnd, skipField } from "./reader.ts";

// Tags of the fields, number and wire type in one.
const FIELDS_OF_STRUCT = (1 << 3) | WireType.LengthDelimited;
const KEY_OF_ENTRY = (1 << 3) | WireType.LengthDelimited;
const VALUE_OF_ENTRY = (2 << 3) | WireType.LengthDelimited;
const VALUES_OF_LIST = (1 << 3) | WireType.LengthDelimited;
const NULL_VALUE = (1 << 3) | WireType.Varint;
const NUMBER_VALUE = (2 << 3) | WireType.Bit64;
const STRING_VALUE = (3 << 3) | WireType.LengthDelimited;
const BOOL_VALUE = (4 << 3) | WireType.Varint;
const STRUCT_VALUE = (5 << 3) | WireType.LengthDelimited;
const LIST_VALUE = (6 << 3) | WireType.LengthDelimited;

/** Reads a payload of one of the three types up to `end`; the fields of a Struct join those of `before`. */
export function readPayload(
  typeName: string,
  reader: BinaryReader,
  end: number,
  depth: number,
  before?: Json,
): Json {
  try {
    if (typeName === "google.protobuf.Value") return readValue(reader, end, depth);
    if (typeName === "google.protobuf.ListValue") return readListValue(reader, end, depth);
    return readStruct(reader, end, depth, isJsonObject(before) ? before : {});
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "";
    throw new ProtobufFault(`a payload is malformed: ${why}`, { cause, isShape: false });
  }
}

/** Reads up to `end` into the object. */
function readStruct(
  reader: BinaryReader,
  end: number,
  depth: number,
  into: JsonObject,
): JsonObject {
  requireDepth(depth);
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === FIELDS_OF_STRUCT) readEntry(reader, depth, into);
    else skipTag(reader, tag);
  }
  requireEnd(reader, end);
  return into;
}

/** Reads up to `end`. A Value that says nothing is null. */
function readValue(reader: BinaryReader, end: number, depth: number): Json {
  let value: Json = null;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === STRING_VALUE) value = reader.string();
    else if (tag === NUMBER_VALUE) value = reader.double();
    else if (tag === STRUCT_VALUE) value = readStruct(reader, readEnd(reader), depth + 1, {});
    else if (tag === LIST_VALUE) value = readListValue(reader, readEnd(reader), depth + 1);
    else if (tag === BOOL_VALUE) value = reader.bool();
    else if (tag === NULL_VALUE) {
      reader.uint32();
      value = null;
    } else skipTag(reader, tag);
  }
  requireEnd(reader, end);
  return value;
}

/** Reads up to `end`. */
function readListValue(reader: BinaryReader, end: number, depth: number): Json[] {
  requireDepth(depth);
  const list: Json[] = [];
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === VALUES_OF_LIST) list.push(readValue(reader, readEnd(reader), depth));
    else skipTag(reader, tag);
  }
  requireEnd(reader, end);
  return list;
}

function readEntry(reader: BinaryReader, depth: number, into: JsonObject): void {
  const end = readEnd(reader);
  let key = "";
  let value: Json = null;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === KEY_OF_ENTRY) key = reader.string();
    else if (tag === VALUE_OF_ENTRY) value = readValue(reader, readEnd(reader), depth);
    else skipTag(reader, tag);
  }
  requireEnd(reader, end);
  putValue(into, key, value);
}

function skipTag(reader: BinaryReader, tag: number): void {
  skipField(reader, tag >>> 3, tag & 7);
}
