/**
 * Which fields of a message are payloads: those of the type google.protobuf.Struct.
 * Boundary: descriptors only. Left to the library are payloads in a oneof and in a map, of which the contract has none.
 */
import type { DescMessage } from "@bufbuild/protobuf";

/** A field by its names in a message and in JSON, which may have either of two. */
interface NamedField {
  readonly names: readonly string[];
  readonly message: DescMessage;
}

/** Fields of a message that are payloads, and those with messages that have some. */
export interface PayloadFields {
  readonly payloads: readonly NamedField[];
  readonly nested: readonly NamedField[];
}

const NONE: PayloadFields = { payloads: [], nested: [] };
const fieldsByMessage = new Map<DescMessage, PayloadFields>();

/** The payload fields of a message. */
export function payloadFields(desc: DescMessage): PayloadFields {
  const known = fieldsByMessage.get(desc);
  if (known !== undefined) return known;
  // A message that holds itself ends here.
  fieldsByMessage.set(desc, NONE);
  const plain = desc.fields.flatMap((field): NamedField[] => {
    const { oneof, fieldKind, message, localName, jsonName, name } = field;
    if (oneof !== undefined || fieldKind === "map" || message === undefined) return [];
    return [{ names: [...new Set([localName, jsonName, name])], message }];
  });
  const fields = {
    payloads: plain.filter(({ message }) => message.typeName === "google.protobuf.Struct"),
    nested: plain.filter(
      ({ message }) => !message.typeName.startsWith("google.protobuf.") && hasPayloads(message),
    ),
  };
  fieldsByMessage.set(desc, fields);
  return fields;
}

function hasPayloads(desc: DescMessage): boolean {
  const { payloads, nested } = payloadFields(desc);
  return payloads.length + nested.length > 0;
}
