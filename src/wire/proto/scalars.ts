/**
 * Single values of protobuf fields as proto3 JSON; json.ts says what a reader of our own buys.
 *
 * Boundary: the reader is at the value before the call and behind it afterwards; it throws at the end of bytes.
 */
import { ScalarType } from "@bufbuild/protobuf";
import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Json } from "../../engine/values/json.ts";

/** Reads one value of a scalar field as proto3 JSON writes it. */
export function readScalar(reader: BinaryReader, type: ScalarType): Json {
  switch (type) {
    case ScalarType.STRING:
      return reader.string();
    case ScalarType.BYTES:
      return Buffer.from(reader.bytes()).toString("base64");
    case ScalarType.BOOL:
      return reader.bool();
    case ScalarType.DOUBLE:
      return numberOrName(reader.double());
    case ScalarType.FLOAT:
      return numberOrName(reader.float());
    case ScalarType.INT32:
      return reader.int32();
    case ScalarType.UINT32:
      return reader.uint32();
    case ScalarType.SINT32:
      return reader.sint32();
    case ScalarType.FIXED32:
      return reader.fixed32();
    case ScalarType.SFIXED32:
      return reader.sfixed32();
    // proto3 JSON writes whole numbers of 64 bits as texts.
    case ScalarType.INT64:
      return String(reader.int64());
    case ScalarType.UINT64:
      return String(reader.uint64());
    case ScalarType.SINT64:
      return String(reader.sint64());
    case ScalarType.FIXED64:
      return String(reader.fixed64());
    case ScalarType.SFIXED64:
      return String(reader.sfixed64());
  }
}

/** How bytes hold values of a scalar type; undefined (an enum): as whole numbers. */
export function wireTypeOf(type: ScalarType | undefined): WireType {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    // All that is left are the kinds of whole numbers and bool.
    default:
      return WireType.Varint;
  }
}

function numberOrName(value: number): Json {
  return Number.isFinite(value) ? value : String(value);
}
