/**
 * Bytes of a known protobuf message as proto3 JSON with the names of the proto fields.
 *
 * Boundary: pure; knows descriptors, not events. Written here because the library reads wrong types and overlong fields
 * as something else, and loses the key `__proto__`. 6 times faster than the library for an event of 300 bytes, 34 times
 * for a Struct of 130,000 values (8 ms, 272 ms; 2026-11-28).
 * Invariants:
 * 1. Strict: a field that is cut short, runs over its message, has another wire type or is not UTF-8
 *    is a ProtobufFault. Fields that the descriptor does not know are skipped.
 * 2. Nesting is bounded, so no input overflows the stack.
 */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  isJsonObject,
  type Json,
  type JsonObject,
  ownValue,
  putValue,
} from "../../engine/values/json.ts";
import { findMessageType, typeNameOfUrl } from "./message-types.ts";
import {
  openReader,
  ProtobufFault,
  readEnd,
  requireDepth,
  requireEnd,
  skipField,
} from "./reader.ts";
import { readScalar, wireTypeOf } from "./scalars.ts";
import { readPayload } from "./struct.ts";
import { readTimestamp } from "./timestamp.ts";

const fieldsOfTypes = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

/**
 * Reads a message. An Any becomes the JSON of the message in it with `@type` (a Struct under
 * `value`); of a type that is not known only `@type`. Throws ProtobufFault. Of a list of its own that is not packed it
 * reads `itemsAtMost` items, and gives null for each further one.
 */
export function readMessageJson(
  type: DescMessage,
  bytes: Uint8Array,
  itemsAtMost = Number.POSITIVE_INFINITY,
): JsonObject {
  try {
    const reader = openReader(bytes);
    const json = readMessage(type, reader, reader.len, 1, {}, itemsAtMost);
    if (!isJsonObject(json)) throw new ProtobufFault(`${type.typeName} is not an object in JSON`);
    return json;
  } catch (error) {
    if (error instanceof ProtobufFault) throw error;
    // The reader throws plain errors and RangeErrors alike: all say that the bytes are no message.
    const why = error instanceof Error ? error.message : "";
    throw new ProtobufFault(`the bytes are no ${type.typeName}: ${why}`, { cause: error });
  }
}

function readMessage(
  type: DescMessage,
  reader: BinaryReader,
  end: number,
  depth: number,
  before?: Json,
  itemsAtMost?: number,
): Json {
  requireDepth(depth);
  switch (type.typeName) {
    case "google.protobuf.Struct":
    case "google.protobuf.Value":
    case "google.protobuf.ListValue":
      return readPayload(type.typeName, reader, end, depth, before);
    case "google.protobuf.Timestamp":
      return readTimestamp(reader, end);
    case "google.protobuf.Any":
      return readAny(reader, end, depth);
    // Every other message is an object of its fields.
    default:
      return readFields(type, reader, end, depth, isJsonObject(before) ? before : {}, itemsAtMost);
  }
}

function readFields(
  type: DescMessage,
  reader: BinaryReader,
  end: number,
  depth: number,
  into: JsonObject,
  itemsAtMost?: number,
): JsonObject {
  const fields = fieldsOf(type);
  while (reader.pos < end) {
    const [fieldNo, wireType] = reader.tag();
    const field = fields.get(fieldNo);
    if (field === undefined) skipField(reader, fieldNo, wireType);
    else readField(field, reader, wireType, depth, into, itemsAtMost);
  }
  requireEnd(reader, end);
  return into;
}

function readField(
  field: DescField,
  reader: BinaryReader,
  wireType: WireType,
  depth: number,
  into: JsonObject,
  itemsAtMost?: number,
): void {
  const before = ownValue(into, field.name);
  switch (field.fieldKind) {
    case "scalar":
      requireWireType(field, wireType, wireTypeOf(field.scalar));
      putValue(into, field.name, readScalar(reader, field.scalar));
      return;
    case "enum":
      requireWireType(field, wireType, WireType.Varint);
      putValue(into, field.name, enumName(field.enum, reader.int32()));
      return;
    case "message":
      requireWireType(field, wireType, WireType.LengthDelimited);
      putValue(into, field.name, readNested(field.message, reader, depth, before));
      return;
    case "list": {
      const list = Array.isArray(before) ? before : [];
      readItems(field, reader, wireType, depth, list, itemsAtMost);
      putValue(into, field.name, list);
      return;
    }
    case "map": {
      requireWireType(field, wireType, WireType.LengthDelimited);
      const map = isJsonObject(before) ? before : {};
      readEntry(field, reader, depth, map);
      putValue(into, field.name, map);
      return;
    }
  }
}

function readNested(type: DescMessage, reader: BinaryReader, depth: number, before?: Json): Json {
  return readMessage(type, reader, readEnd(reader), depth + 1, before);
}

function readItems(
  field: DescField & { fieldKind: "list" },
  reader: BinaryReader,
  wireType: WireType,
  depth: number,
  list: Json[],
  itemsAtMost = Number.POSITIVE_INFINITY,
): void {
  if (field.listKind === "message") {
    requireWireType(field, wireType, WireType.LengthDelimited);
    if (list.length < itemsAtMost) list.push(readNested(field.message, reader, depth));
    else {
      reader.skip(wireType);
      list.push(null);
    }
    return;
  }
  const { listKind } = field;
  const wanted = listKind === "enum" ? WireType.Varint : wireTypeOf(field.scalar);
  const readItem = () =>
    field.listKind === "enum"
      ? enumName(field.enum, reader.int32())
      : readScalar(reader, field.scalar ?? ScalarType.INT32);
  if (wireType !== WireType.LengthDelimited || wanted === WireType.LengthDelimited) {
    requireWireType(field, wireType, wanted);
    if (list.length < itemsAtMost) list.push(readItem());
    else {
      reader.skip(wireType);
      list.push(null);
    }
    return;
  }
  const end = readEnd(reader);
  while (reader.pos < end) list.push(readItem());
  requireEnd(reader, end);
}

function readEntry(
  field: DescField & { fieldKind: "map" },
  reader: BinaryReader,
  depth: number,
  into: JsonObject,
): void {
  const end = readEnd(reader);
  let key = "";
  let value: Json | undefined;
  while (reader.pos < end) {
    const [fieldNo, wireType] = reader.tag();
    if (fieldNo === 1) {
      requireWireType(field, wireType, wireTypeOf(field.mapKey));
      key = String(readScalar(reader, field.mapKey));
    } else if (fieldNo === 2) value = readEntryValue(field, reader, wireType, depth, value);
    else skipField(reader, fieldNo, wireType);
  }
  requireEnd(reader, end);
  putValue(into, key, value ?? emptyEntryValue(field));
}

function readEntryValue(
  field: DescField & { fieldKind: "map" },
  reader: BinaryReader,
  wireType: WireType,
  depth: number,
  before: Json | undefined,
): Json {
  switch (field.mapKind) {
    case "scalar":
      requireWireType(field, wireType, wireTypeOf(field.scalar));
      return readScalar(reader, field.scalar);
    case "enum":
      requireWireType(field, wireType, WireType.Varint);
      return enumName(field.enum, reader.int32());
    case "message":
      requireWireType(field, wireType, WireType.LengthDelimited);
      return readNested(field.message, reader, depth, before);
  }
}

function emptyEntryValue(field: DescField & { fieldKind: "map" }): Json {
  switch (field.mapKind) {
    case "scalar":
      return field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES ? "" : 0;
    case "enum":
      return enumName(field.enum, 0);
    case "message":
      return readMessage(field.message, openReader(new Uint8Array()), 0, 1);
  }
}

function readAny(reader: BinaryReader, end: number, depth: number): JsonObject {
  let url = "";
  let value: Uint8Array = new Uint8Array();
  while (reader.pos < end) {
    const [fieldNo, wireType] = reader.tag();
    if (fieldNo === 1 && wireType === WireType.LengthDelimited) url = reader.string();
    else if (fieldNo === 2 && wireType === WireType.LengthDelimited) value = reader.bytes();
    else skipField(reader, fieldNo, wireType);
  }
  requireEnd(reader, end);
  if (url === "") {
    if (value.length > 0) throw new ProtobufFault("a google.protobuf.Any names no type");
    return {};
  }
  const type = findMessageType(typeNameOfUrl(url));
  return type === undefined ? { "@type": url } : readContent(type, url, value, depth);
}

function readContent(type: DescMessage, url: string, value: Uint8Array, depth: number): JsonObject {
  try {
    const inner = openReader(value);
    const json = readMessage(type, inner, inner.len, depth + 1);
    // Well-known types with their own JSON form have it under `value` (proto3 JSON mapping).
    if (!isJsonObject(json) || type.typeName === "google.protobuf.Struct") {
      return { "@type": url, value: json };
    }
    return { "@type": url, ...json };
  } catch (error) {
    throw new ProtobufFault(`the bytes are no ${type.typeName}`, { cause: error, isContent: true });
  }
}

function fieldsOf(type: DescMessage): ReadonlyMap<number, DescField> {
  const known = fieldsOfTypes.get(type);
  if (known !== undefined) return known;
  const fields = new Map(type.fields.map((field) => [field.number, field]));
  fieldsOfTypes.set(type, fields);
  return fields;
}

function enumName(type: DescEnum, number: number): Json {
  return type.value[number]?.name ?? number;
}

function requireWireType(field: DescField, found: WireType, wanted: WireType): void {
  if (found !== wanted) throw new ProtobufFault(`${field.name} has another wire type`);
}
