/**
 * Bytes of google.protobuf.Timestamp as the text that proto3 JSON has for it.
 *
 * Boundary: pure. Of a field that is there twice the last one counts. Throws ProtobufFault.
 */
import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ProtobufFault, requireEnd, skipField } from "./reader.ts";

const NANOS_DIGITS = 9;
/** Years 1 to 9999, as google.protobuf.Timestamp allows. */
const SECONDS_AT_LEAST = -62_135_596_800n;
const SECONDS_AT_MOST = 253_402_300_799n;

/** Reads up to `end`. */
export function readTimestamp(reader: BinaryReader, end: number): string {
  let seconds = 0n;
  let nanos = 0;
  while (reader.pos < end) {
    const [fieldNo, wireType] = reader.tag();
    if (fieldNo === 1 && wireType === WireType.Varint) seconds = BigInt(reader.int64());
    else if (fieldNo === 2 && wireType === WireType.Varint) nanos = reader.int32();
    else skipField(reader, fieldNo, wireType);
  }
  requireEnd(reader, end);
  if (seconds < SECONDS_AT_LEAST || seconds > SECONDS_AT_MOST || nanos < 0 || nanos >= 1e9) {
    throw new ProtobufFault("a google.protobuf.Timestamp is out of range");
  }
  const whole = new Date(Number(seconds) * 1_000).toISOString().slice(0, 19);
  const digits = String(nanos)
    .padStart(NANOS_DIGITS, "0")
    .replace(/(000){1,3}$/, "");
  return digits === "" ? `${whole}Z` : `${whole}.${digits}Z`;
}
