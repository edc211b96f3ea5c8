/**
 * Proto3 JSON with proto field names as the bytes of its message: the way back of json.ts.
 * Boundary: pure; for messages that the service makes itself, so what does not fit the descriptor is a fault of ours and
 * throws. Recursion is as deep as the payload, whose depth is checked where it enters.
 * 5 times faster than the library for the JSON of a GetRun answer of 10 steps, 67 times for a
 * Struct of 130,000 values (12 ms, 807 ms; 2026-11-28). The library also loses the key `__proto__`.
 * It is written from its end to its beginning: a length precedes its bytes, and is known once they are written.
 */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../engine/values/json.ts";
import { findMessageType, typeNameOfUrl } from "./message-types.ts";

const FRACTION = /\.(\d{1,9})/;
const FIRST_BYTES = 1_024;
const UTF8_BYTES_A_UNIT = 3;
const VARINT_BYTES_AT_MOST = 10;

/** Bytes on their way. */
export interface Target {
  bytes: Buffer;
  /** Where what is written begins; all before it is free. */
  at: number;
}

/** The bytes of the message. Throws a TypeError for JSON that is not this message's. */
export function writeMessage(type: DescMessage, json: JsonObject): Uint8Array {
  const target = openTarget();
  writeFields(target, type, json);
  return writtenBytes(target);
}

/** A target with nothing in it. */
export function openTarget(): Target {
  return { bytes: Buffer.allocUnsafe(FIRST_BYTES), at: FIRST_BYTES };
}

/** What was written. */
export function writtenBytes({ bytes, at }: Target): Uint8Array {
  return bytes.subarray(at);
}

/** Writes bytes once more that were written before; `fromEnd` is where they begin, counted from the end. */
export function repeatBytes(target: Target, fromEnd: number, size: number): void {
  makeRoom(target, size);
  const from = target.bytes.length - fromEnd;
  target.at -= size;
  target.bytes.copyWithin(target.at, from, from + size);
}

function writeFields(target: Target, type: DescMessage, json: JsonObject): void {
  for (let i = type.fields.length - 1; i >= 0; i -= 1) {
    const field = type.fields[i];
    const value = field && ownValue(json, field.name);
    if (field !== undefined && value !== undefined && value !== null) {
      writeField(target, field, value);
    }
  }
}

function writeField(target: Target, field: DescField, value: Json): void {
  switch (field.fieldKind) {
    case "scalar":
      writeScalar(target, field, field.scalar, value);
      return;
    case "enum": {
      writeScalar(target, field, ScalarType.INT32, numberOfEnum(field.enum, value));
      return;
    }
    case "message":
      writeInside(target, field.number, () => writeNested(target, field, field.message, value));
      return;
    case "list":
      if (field.listKind === "enum") writePacked(target, field, field.enum, value);
      else writeItems(target, field, value);
      return;
    case "map": {
      if (!isJsonObject(value) || field.mapKey !== ScalarType.STRING) throw misfit(field);
      writeMap(target, field, value);
      return;
    }
  }
}

function writeMap(target: Target, field: DescField & { fieldKind: "map" }, map: JsonObject): void {
  const { message, scalar } = field;
  if (message !== undefined) {
    writeEntries(target, field.number, map, (item) => writeNested(target, field, message, item));
    return;
  }
  if (scalar !== ScalarType.STRING) throw misfit(field);
  for (const [key, text] of Object.entries(map).reverse()) {
    if (typeof text !== "string") throw misfit(field);
    writeInside(target, field.number, () => {
      writeText(target, 2, text);
      writeText(target, 1, key);
    });
  }
}

function writeItems(target: Target, field: DescField & { fieldKind: "list" }, value: Json): void {
  if (!Array.isArray(value)) throw misfit(field);
  for (const item of value.toReversed()) {
    if (field.listKind === "message") {
      writeInside(target, field.number, () => writeNested(target, field, field.message, item));
    } else if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) {
      writeScalar(target, field, field.scalar, item);
    } else throw misfit(field);
  }
}

function writePacked(target: Target, field: DescField, type: DescEnum, items: Json): void {
  if (!Array.isArray(items)) throw misfit(field);
  if (items.length === 0) return;
  writeInside(target, field.number, () => {
    for (const item of items.toReversed()) {
      const number = numberOfEnum(type, item);
      if (typeof number !== "number" || number < 0) throw misfit(field);
      writeVarint(target, number);
    }
  });
}

function numberOfEnum({ values }: DescEnum, value: Json): Json {
  return values.find(({ name }) => name === value)?.number ?? value;
}

function writeNested(target: Target, field: DescField, type: DescMessage, value: Json): void {
  if (type.typeName === "google.protobuf.Value") writeValue(target, value);
  else if (type.typeName === "google.protobuf.Timestamp") writeTimestamp(target, field, value);
  else if (!isJsonObject(value)) throw misfit(field);
  else if (type.typeName === "google.protobuf.Struct") writeStruct(target, value);
  else if (type.typeName === "google.protobuf.Any") writeAny(target, field, value);
  else writeFields(target, type, value);
}

function writeTimestamp(target: Target, field: DescField, time: Json): void {
  const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
  if (typeof time !== "string" || Number.isNaN(ms)) throw misfit(field);
  const nanos = Number((FRACTION.exec(time)?.[1] ?? "").padEnd(9, "0"));
  if (nanos !== 0) writeInteger(target, 2, BigInt(nanos));
  const seconds = Math.floor(ms / 1_000);
  if (seconds !== 0) writeInteger(target, 1, BigInt(seconds));
}

/** A number that JSON cannot hold stands there by its name. */
function numberOf(value: Json): number | undefined {
  if (typeof value === "number") return value;
  return value === "NaN" || value === "Infinity" || value === "-Infinity"
    ? Number(value)
    : undefined;
}

function writeAny(target: Target, field: DescField, { "@type": url, ...json }: JsonObject): void {
  const type = typeof url === "string" ? findMessageType(typeNameOfUrl(url)) : undefined;
  // A well-known type stands under `value`, which no event of this service holds.
  if (
    typeof url !== "string" ||
    type === undefined ||
    type.file.proto.package === "google.protobuf"
  ) {
    throw misfit(field);
  }
  writeInside(target, 2, () => writeFields(target, type, json));
  writeText(target, 1, url);
}

/** The fields of a google.protobuf.Struct. */
export function writeStruct(target: Target, struct: JsonObject): void {
  writeEntries(target, 1, struct, (value) => writeValue(target, value));
}

/** The entries of a map, whose keys are texts. */
function writeEntries(
  target: Target,
  fieldNo: number,
  map: JsonObject,
  write: (value: Json) => void,
): void {
  for (const [key, value] of Object.entries(map).reverse()) {
    writeInside(target, fieldNo, () => {
      writeInside(target, 2, () => write(value));
      writeText(target, 1, key);
    });
  }
}

/** A google.protobuf.Value. */
function writeValue(target: Target, value: Json): void {
  if (value === null) writeInteger(target, 1, 0);
  else if (typeof value === "number") writeDouble(target, 2, value);
  else if (typeof value === "string") writeText(target, 3, value);
  else if (typeof value === "boolean") writeInteger(target, 4, value ? 1 : 0);
  else if (Array.isArray(value)) writeInside(target, 6, () => writeList(target, value));
  else writeInside(target, 5, () => writeStruct(target, value));
}

function writeList(target: Target, list: readonly Json[]): void {
  for (let i = list.length - 1; i >= 0; i -= 1) {
    writeInside(target, 1, () => writeValue(target, list[i] ?? null));
  }
}

function writeScalar(target: Target, field: DescField, type: ScalarType, value: Json): void {
  const { number } = field;
  if (type === ScalarType.STRING && typeof value === "string") writeText(target, number, value);
  else if (type === ScalarType.BOOL && typeof value === "boolean") {
    writeInteger(target, number, value ? 1 : 0);
  } else if (type === ScalarType.INT32 && typeof value === "number") {
    writeInteger(target, number, value);
  } else if (type === ScalarType.INT64 && typeof value === "string") {
    writeInteger(target, number, BigInt(value));
  } else if (type === ScalarType.DOUBLE && numberOf(value) !== undefined) {
    writeDouble(target, number, Number(value));
  } else if (type === ScalarType.FLOAT && numberOf(value) !== undefined) {
    makeRoom(target, 4);
    target.at = target.bytes.writeFloatLE(Number(value), target.at - 4) - 4;
    writeVarint(target, (number << 3) | WireType.Bit32);
  } else if (type === ScalarType.BYTES && typeof value === "string") {
    const bytes = Buffer.from(value, "base64");
    makeRoom(target, bytes.byteLength);
    target.at -= bytes.byteLength;
    target.bytes.set(bytes, target.at);
    writeVarint(target, bytes.byteLength);
    writeVarint(target, (number << 3) | WireType.LengthDelimited);
  } else throw misfit(field);
}

/** A field of the type double. */
export function writeDouble(target: Target, fieldNo: number, value: number): void {
  makeRoom(target, 8);
  target.at = target.bytes.writeDoubleLE(value, target.at - 8) - 8;
  writeVarint(target, (fieldNo << 3) | WireType.Bit64);
}

/** A field that is a whole number; a negative one takes ten bytes. */
export function writeInteger(target: Target, fieldNo: number, value: number | bigint): void {
  if (typeof value === "number" && value >= 0) writeVarint(target, value);
  else {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    makeRoom(target, VARINT_BYTES_AT_MOST);
    target.at -= bytes.push(Number(rest));
    target.bytes.set(bytes, target.at);
  }
  writeVarint(target, fieldNo << 3);
}

/** A field of the type string. */
export function writeText(target: Target, fieldNo: number, text: string): void {
  const bytes = Buffer.byteLength(text);
  makeRoom(target, text.length * UTF8_BYTES_A_UNIT);
  target.at -= bytes;
  target.bytes.write(text, target.at, bytes);
  writeVarint(target, bytes);
  writeVarint(target, (fieldNo << 3) | WireType.LengthDelimited);
}

/** Writes what `write` writes as a field that has a length. */
export function writeInside(target: Target, fieldNo: number, write: () => void): void {
  const end = target.bytes.length - target.at;
  write();
  writeVarint(target, target.bytes.length - target.at - end);
  writeVarint(target, (fieldNo << 3) | WireType.LengthDelimited);
}

/** A whole number of 31 bits, tags and lengths among them. */
function writeVarint(target: Target, value: number): void {
  makeRoom(target, VARINT_BYTES_AT_MOST);
  let size = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) size += 1;
  target.at -= size;
  let rest = value;
  for (let place = target.at; place < target.at + size; place += 1) {
    target.bytes[place] = rest > 0x7f ? (rest & 0x7f) | 0x80 : rest;
    rest >>>= 7;
  }
}

function makeRoom(target: Target, bytes: number): void {
  if (target.at >= bytes) return;
  const written = target.bytes.length - target.at;
  const larger = Buffer.allocUnsafe(2 * (written + bytes));
  target.bytes.copy(larger, larger.length - written, target.at);
  target.at = larger.length - written;
  target.bytes = larger;
}

function misfit(field: DescField): TypeError {
  return new TypeError(`${field.parent.typeName}.${field.name} has another kind of value`);
}
