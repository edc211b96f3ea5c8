/**
 * Proto3 JSON with proto field names as the bytes of its message: the way back of json.ts.
 *
 * Boundary: pure; for messages that the service makes itself, so what does not fit the descriptor is
 * a fault of ours and throws. Written here because the library's way through a Struct loses the key
 * `__proto__` and takes ten times as long.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../engine/values/json.ts";

const FRACTION = /\.(\d{1,9})/;

/** The bytes of the message. Throws a TypeError for JSON that is not this message's. */
export function writeMessage(type: DescMessage, json: JsonObject): Uint8Array {
  const writer = new BinaryWriter();
  writeFields(writer, type, json);
  return writer.finish();
}

/** Writes a JSON value as a google.protobuf.Value. */
function writeValue(writer: BinaryWriter, value: Json): void {
  if (value === null) writer.tag(1, WireType.Varint).int32(0);
  else if (typeof value === "number") writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === "string") writer.tag(3, WireType.LengthDelimited).string(value);
  else if (typeof value === "boolean") writer.tag(4, WireType.Varint).bool(value);
  else if (Array.isArray(value)) writeInside(writer, 6, () => writeList(writer, value));
  else writeInside(writer, 5, () => writeStruct(writer, value));
}

/** Writes what `write` writes as a field that has a length. */
export function writeInside(writer: BinaryWriter, fieldNo: number, write: () => void): void {
  writer.tag(fieldNo, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

/** Writes an entry of `map<string, google.protobuf.Value>`: a Struct's field, or an extension. */
export function writeEntry(writer: BinaryWriter, fieldNo: number, key: string, value: Json): void {
  writeInside(writer, fieldNo, () => {
    writer.tag(1, WireType.LengthDelimited).string(key);
    writeInside(writer, 2, () => writeValue(writer, value));
  });
}

/** Writes an RFC 3339 time as a google.protobuf.Timestamp. */
export function writeTimestamp(writer: BinaryWriter, time: string): void {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new TypeError("a time is not RFC 3339");
  const nanos = Number((FRACTION.exec(time)?.[1] ?? "").padEnd(9, "0"));
  writer.tag(1, WireType.Varint).int64(Math.floor(ms / 1_000));
  if (nanos !== 0) writer.tag(2, WireType.Varint).int32(nanos);
}

function writeStruct(writer: BinaryWriter, struct: JsonObject): void {
  for (const [key, value] of Object.entries(struct)) writeEntry(writer, 1, key, value);
}

function writeList(writer: BinaryWriter, list: readonly Json[]): void {
  for (const item of list) writeInside(writer, 1, () => writeValue(writer, item));
}

function writeFields(writer: BinaryWriter, type: DescMessage, json: JsonObject): void {
  for (const field of type.fields) {
    const value = ownValue(json, field.name);
    if (value !== undefined && value !== null) writeField(writer, field, value);
  }
}

function writeField(writer: BinaryWriter, field: DescField, value: Json): void {
  switch (field.fieldKind) {
    case "scalar":
      writeScalar(writer, field, field.scalar, value);
      return;
    case "enum": {
      const found = field.enum.values.find(({ name }) => name === value);
      if (found === undefined) throw misfit(field);
      writer.tag(field.number, WireType.Varint).int32(found.number);
      return;
    }
    case "message":
      writeInside(writer, field.number, () => writeNested(writer, field, field.message, value));
      return;
    case "list":
      writeItems(writer, field, value);
      return;
    case "map":
      throw misfit(field);
  }
}

function writeItems(
  writer: BinaryWriter,
  field: DescField & { fieldKind: "list" },
  value: Json,
): void {
  if (!Array.isArray(value) || field.listKind !== "message") throw misfit(field);
  for (const item of value) {
    writeInside(writer, field.number, () => writeNested(writer, field, field.message, item));
  }
}

function writeNested(writer: BinaryWriter, field: DescField, type: DescMessage, value: Json): void {
  if (type.typeName === "google.protobuf.Timestamp") {
    if (typeof value !== "string") throw misfit(field);
    writeTimestamp(writer, value);
    return;
  }
  if (!isJsonObject(value)) throw misfit(field);
  if (type.typeName === "google.protobuf.Struct") writeStruct(writer, value);
  else writeFields(writer, type, value);
}

function writeScalar(writer: BinaryWriter, field: DescField, type: ScalarType, value: Json): void {
  const { number } = field;
  if (type === ScalarType.STRING && typeof value === "string") {
    writer.tag(number, WireType.LengthDelimited).string(value);
  } else if (type === ScalarType.INT32 && typeof value === "number") {
    writer.tag(number, WireType.Varint).int32(value);
  } else if (type === ScalarType.INT64 && typeof value === "string") {
    writer.tag(number, WireType.Varint).int64(value);
  } else if (type === ScalarType.DOUBLE && typeof value === "number") {
    writer.tag(number, WireType.Bit64).double(value);
  } else throw misfit(field);
}

function misfit(field: DescField): TypeError {
  return new TypeError(`${field.parent.typeName}.${field.name} has another kind of value`);
}
