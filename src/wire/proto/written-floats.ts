/**
 * Floats of 32 bits as they were written: 1.1, and not 1.10000002384185791, in whatever encoding they came.
 * Boundary: pure. Such a float holds seven digits; further digits are artefacts of the conversion.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

const DIGITS = 7;

/** The number that was written, of a float that was widened to 64 bits; NaN and infinities stay. */
export function writtenFloat(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

/** Puts written numbers in the place of all float fields of a message and of those in it. */
export function writeFloats(desc: DescMessage, message: object): void {
  for (const field of desc.fields) {
    if (!mayHoldFloats(field)) continue;
    const value: unknown = Reflect.get(message, field.localName);
    if (typeof value === "number") Reflect.set(message, field.localName, writtenFloat(value));
    else if (field.message) {
      for (const item of Array.isArray(value) ? value : [value]) writeWithin(field.message, item);
    }
  }
}

function writeWithin(desc: DescMessage, message: unknown): void {
  if (typeof message === "object" && message !== null) writeFloats(desc, message);
}

/** Well-known types have forms of their own, and no float among their fields. */
function mayHoldFloats({ fieldKind, scalar, message }: DescField): boolean {
  if (fieldKind === "scalar") return scalar === ScalarType.FLOAT;
  return message !== undefined && !message.typeName.startsWith("google.protobuf.");
}
