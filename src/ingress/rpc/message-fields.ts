/**
 * Walks over protobuf bytes as the schema says, without decoding them, and counts how often each field stands there.
 * Boundary: shape only; texts and numbers are the decoder's to judge.
 * Invariant: what is counted is what the decoder would read. The library's looks neither at wire types nor at where a
 * message inside another ends, so bytes made for it hide the rest from a reader that goes by those: such bytes are refused.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { wireTypeOf } from "../../wire/proto/scalars.ts";

interface Walk {
  readonly reader: BinaryReader;
  readonly depthAtMost: number;
}

type MapField = Extract<DescField, { fieldKind: "map" }>;

/**
 * How often a message has each of its own fields, by number. Throws when the bytes are not exactly such a message, or
 * when it has messages inside each other deeper than that.
 */
export function countFields(
  desc: DescMessage,
  bytes: Uint8Array,
  depthAtMost: number,
): Map<number, number> {
  const counts = new Map<number, number>();
  const walk = { reader: new BinaryReader(bytes), depthAtMost };
  walkMessage(walk, desc, bytes.byteLength, 1, (number) => {
    counts.set(number, (counts.get(number) ?? 0) + 1);
  });
  return counts;
}

function walkMessage(
  walk: Walk,
  desc: DescMessage,
  end: number,
  depth: number,
  note?: (number: number) => void,
): void {
  const { reader, depthAtMost } = walk;
  if (depth > depthAtMost) throw new Error(`messages are nested more than ${depthAtMost} deep`);
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    note?.(number);
    const field = desc.fields.find((each) => each.number === number);
    if (field === undefined) reader.skip(wireType, number, depthAtMost - depth);
    else walkField(walk, field, wireType, depth);
  }
  requireEnd(reader, end);
}

function walkField(walk: Walk, field: DescField, wireType: WireType, depth: number): void {
  const { reader } = walk;
  const expected = field.fieldKind === "map" ? WireType.LengthDelimited : wireTypeIn(field);
  const isPacked = field.fieldKind === "list" && wireType === WireType.LengthDelimited;
  if (wireType !== expected && !isPacked)
    throw new Error(`${field.name} is encoded as another type`);
  if (wireType !== WireType.LengthDelimited) {
    reader.skip(wireType);
    return;
  }
  const end = readEnd(reader);
  if (field.fieldKind === "map") walkEntry(walk, field, end, depth);
  else if (field.message !== undefined) walkMessage(walk, field.message, end, depth + 1);
  else if (expected === WireType.LengthDelimited) reader.pos = end;
  else while (reader.pos < end) reader.skip(expected);
  requireEnd(reader, end);
}

/** An entry of a map: key 1, value 2, and nothing else. */
function walkEntry(walk: Walk, field: MapField, end: number, depth: number): void {
  const { reader } = walk;
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const expected = number === 1 ? wireTypeOf(field.mapKey) : wireTypeIn(field);
    if (number > 2 || wireType !== expected) {
      throw new Error(`${field.name} has an entry that is none`);
    }
    if (number === 1 || field.message === undefined) reader.skip(wireType);
    else walkMessage(walk, field.message, readEnd(reader), depth + 1);
  }
}

function readEnd(reader: BinaryReader): number {
  const bytes = reader.uint32();
  const end = reader.pos + bytes;
  if (end > reader.len) throw new Error("a field is cut short");
  return end;
}

function requireEnd(reader: BinaryReader, end: number): void {
  if (reader.pos !== end) throw new Error("a field is longer than its message");
}

/** How a value of the field is encoded: of a list an item, of a map a value. */
function wireTypeIn({ message, scalar }: DescField): WireType {
  return message !== undefined ? WireType.LengthDelimited : wireTypeOf(scalar);
}
