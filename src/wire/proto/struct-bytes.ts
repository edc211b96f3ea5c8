/**
 * A JSON object as the bytes of a google.protobuf.Struct: the quick way back of struct.ts.
 * Boundary: pure. Recursion is as deep as the payload, whose depth is checked where it enters.
 * It is written from its end to its beginning: a length precedes its bytes, and is known once they are written.
 */
import { WireType } from "@bufbuild/protobuf/wire";
import type { Json, JsonObject } from "../../engine/values/json.ts";

const FIELD = 0x0a;
const KEY = 0x0a;
const VALUE = 0x12;
const LIST_ITEM = 0x0a;
const NULL = (1 << 3) | WireType.Varint;
const NUMBER = (2 << 3) | WireType.Bit64;
const TEXT = (3 << 3) | WireType.LengthDelimited;
const BOOL = (4 << 3) | WireType.Varint;
const STRUCT = (5 << 3) | WireType.LengthDelimited;
const LIST = (6 << 3) | WireType.LengthDelimited;

const DOUBLE_BYTES = 8;
/** A tag, and a length of 32 bits. */
const HEAD_BYTES = 6;
const FIRST_BYTES = 1_024;
const UTF8_BYTES_A_UNIT = 3;

interface Target {
  bytes: Buffer;
  /** Where what is written begins; all before it is free. */
  at: number;
}

/** The bytes of the Struct. */
export function writeStructBytes(struct: JsonObject): Uint8Array {
  const target = { bytes: Buffer.allocUnsafe(FIRST_BYTES), at: FIRST_BYTES };
  writeStruct(target, struct);
  return target.bytes.subarray(target.at);
}

function writeStruct(target: Target, struct: JsonObject): void {
  const entries = Object.entries(struct);
  for (let i = entries.length - 1; i >= 0; i -= 1) {
    const entry = entries[i];
    if (entry === undefined) continue;
    const end = writtenIn(target);
    writeInside(target, VALUE, () => writeValue(target, entry[1]));
    writeText(target, KEY, entry[0]);
    writeHead(target, FIELD, writtenIn(target) - end);
  }
}

function writeList(target: Target, list: readonly Json[]): void {
  for (let i = list.length - 1; i >= 0; i -= 1) {
    const end = writtenIn(target);
    writeValue(target, list[i] ?? null);
    writeHead(target, LIST_ITEM, writtenIn(target) - end);
  }
}

function writeValue(target: Target, value: Json): void {
  if (value === null) writePair(target, NULL, 0);
  else if (typeof value === "boolean") writePair(target, BOOL, value ? 1 : 0);
  else if (typeof value === "string") writeText(target, TEXT, value);
  else if (typeof value === "number") writeNumber(target, value);
  else if (Array.isArray(value)) writeInside(target, LIST, () => writeList(target, value));
  else writeInside(target, STRUCT, () => writeStruct(target, value));
}

function writeInside(target: Target, tag: number, write: () => void): void {
  const end = writtenIn(target);
  write();
  writeHead(target, tag, writtenIn(target) - end);
}

function writePair(target: Target, tag: number, value: number): void {
  makeRoom(target, 2);
  target.bytes[--target.at] = value;
  target.bytes[--target.at] = tag;
}

function writeNumber(target: Target, value: number): void {
  makeRoom(target, DOUBLE_BYTES + 1);
  target.at -= DOUBLE_BYTES;
  target.bytes.writeDoubleLE(value, target.at);
  target.bytes[--target.at] = NUMBER;
}

function writeText(target: Target, tag: number, text: string): void {
  const bytes = Buffer.byteLength(text);
  makeRoom(target, text.length * UTF8_BYTES_A_UNIT);
  target.at -= bytes;
  target.bytes.write(text, target.at, bytes);
  writeHead(target, tag, bytes);
}

/** Writes a tag of one byte and a length before what is written. */
function writeHead(target: Target, tag: number, length: number): void {
  makeRoom(target, HEAD_BYTES);
  let size = 1;
  for (let rest = length; rest > 0x7f; rest >>>= 7) size += 1;
  target.at -= size;
  let rest = length;
  for (let place = target.at; place < target.at + size; place += 1) {
    target.bytes[place] = rest > 0x7f ? (rest & 0x7f) | 0x80 : rest;
    rest >>>= 7;
  }
  target.bytes[--target.at] = tag;
}

/** How many bytes are written. */
function writtenIn({ bytes, at }: Target): number {
  return bytes.length - at;
}

function makeRoom(target: Target, bytes: number): void {
  if (target.at >= bytes) return;
  const written = writtenIn(target);
  const larger = Buffer.allocUnsafe(2 * (written + bytes));
  target.bytes.copy(larger, larger.length - written, target.at);
  target.at = larger.length - written;
  target.bytes = larger;
}
