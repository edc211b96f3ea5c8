/**
 * A request's tree in bytes, however wrong it is: JSON, protobuf, and both with places broken.
 * Boundary: writes what the library would refuse to write; reads nothing.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc, { type Arbitrary } from "fast-check";
import type { Tree } from "./random-requests.ts";

const STRUCT = "google.protobuf.Struct";
/** A lone surrogate as some encoders write it, which is not UTF-8. */
const SURROGATE_BYTES = Uint8Array.of(0xed, 0xa0, 0x80);

/** As JSON; numbers that it does not have are texts, as proto3 JSON writes them. */
export function asJson(tree: Tree): Buffer {
  const text = JSON.stringify(tree, (_, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  return Buffer.from(text);
}

/** As protobuf; a value that is not of its field's type gets the wire type that suits the value. */
export function asProtobuf(desc: DescMessage, tree: Tree): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of desc.fields) {
    const value = tree[field.name];
    const items = field.fieldKind === "list" && Array.isArray(value) ? value : [value];
    for (const item of items) if (item !== undefined) writeField(writer, field, item);
  }
  return writer.finish();
}

function writeField(writer: BinaryWriter, field: DescField, value: unknown): void {
  const { message, number } = field;
  if (message !== undefined && isTree(value)) {
    const bytes = message.typeName === STRUCT ? structBytes(value) : asProtobuf(message, value);
    writer.tag(number, WireType.LengthDelimited).bytes(bytes);
  } else if (typeof value === "number") {
    writeNumber(writer, field, value);
  } else if (typeof value === "string") {
    writer.tag(number, WireType.LengthDelimited).bytes(textBytes(value));
  } else {
    writer.tag(number, WireType.Varint).uint32(value === true ? 1 : 0);
  }
}

function writeNumber(writer: BinaryWriter, { number, scalar }: DescField, value: number): void {
  if (scalar === ScalarType.DOUBLE) writer.tag(number, WireType.Bit64).double(value);
  else if (scalar === ScalarType.FLOAT)
    writer.tag(number, WireType.Bit32).float(Math.fround(value) === value ? value : 0.5);
  else writer.tag(number, WireType.Varint).int64(wholeOf(value));
}

/** Of a number that is none the largest, which is too large for the fields there are. */
function wholeOf(value: number): bigint {
  return Number.isSafeInteger(value) ? BigInt(value) : 2n ** 63n - 1n;
}

function structBytes(tree: Tree): Uint8Array {
  const writer = new BinaryWriter();
  for (const [key, value] of Object.entries(tree)) {
    const entry = new BinaryWriter();
    entry.tag(1, WireType.LengthDelimited).bytes(textBytes(key));
    entry.tag(2, WireType.LengthDelimited).bytes(valueBytes(value));
    writer.tag(1, WireType.LengthDelimited).bytes(entry.finish());
  }
  return writer.finish();
}

function valueBytes(value: unknown): Uint8Array {
  const writer = new BinaryWriter();
  if (typeof value === "number") writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === "string")
    writer.tag(3, WireType.LengthDelimited).bytes(textBytes(value));
  else if (typeof value === "boolean") writer.tag(4, WireType.Varint).bool(value);
  else if (isTree(value)) writer.tag(5, WireType.LengthDelimited).bytes(structBytes(value));
  else if (Array.isArray(value)) {
    const list = new BinaryWriter();
    for (const item of value) list.tag(1, WireType.LengthDelimited).bytes(valueBytes(item));
    writer.tag(6, WireType.LengthDelimited).bytes(list.finish());
  } else writer.tag(1, WireType.Varint).int32(0);
  return writer.finish();
}

function textBytes(text: string): Uint8Array {
  return text.isWellFormed() ? Buffer.from(text) : SURROGATE_BYTES;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One break: where, how many bytes go, and what comes in their place. */
type Break = readonly [at: number, lost: number, put: Uint8Array];

const JSON_PARTS = [
  ...[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "NaN",
    "1e999",
    "-",
    "0x1",
  ],
  ...['"__proto__":{},', '"id":1,"id":2,', "\ufeff", "//", "'", "\u0000", "[".repeat(3_000)],
].map((part) => Buffer.from(part));
const BYTES = [
  ...[[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0x0b], [0x0c], [0x80, 0x80, 0x80, 0x80, 0x10]],
  ...[[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x00], [0xfa, 0x01, 0x04], [0x12, 0x00]],
].map((bytes) => Uint8Array.from(bytes));

/** Some breaks, or none. */
export const breaks: Arbitrary<readonly Break[]> = fc.array(
  fc.tuple(
    fc.nat(),
    fc.oneof(fc.constant(0), fc.nat(4), fc.nat(200)),
    fc.oneof(
      fc.constantFrom(...JSON_PARTS),
      fc.constantFrom(...BYTES),
      fc.uint8Array({ maxLength: 6 }),
    ),
  ),
  { maxLength: 3 },
);

/** The bytes with these places broken. */
export function broken(bytes: Uint8Array, made: readonly Break[]): Buffer {
  let all = Buffer.from(bytes);
  for (const [place, lost, put] of made) {
    const at = place % (all.length + 1);
    all = Buffer.concat([all.subarray(0, at), put, all.subarray(at + lost)]);
  }
  return all;
}
