/**
 * Messages of the protos as JSON Schemas: what protobuf JSON makes of them, with their comments.
 * Boundary: one descriptor to one schema; which of them a document needs is document.ts's.
 */

import type { AnyDesc } from "@bufbuild/protobuf";
import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";

/** A part of an OpenAPI document. */
export type Json = { readonly [key: string]: unknown };

/** Types that protobuf JSON writes in a form of their own. */
const KNOWN: ReadonlyMap<string, Json> = new Map<string, Json>([
  ["google.protobuf.Timestamp", { type: "string", format: "date-time" }],
  ["google.protobuf.Duration", { type: "string", examples: ["1.5s"] }],
  ["google.protobuf.FieldMask", { type: "string" }],
  ["google.protobuf.Struct", { type: "object", additionalProperties: true }],
  ["google.protobuf.Value", {}],
  ["google.protobuf.ListValue", { type: "array", items: {} }],
]);

/** The text of a comment, one paragraph a line. */
export function commentOf(desc: Exclude<AnyDesc, { kind: "file" }>): string {
  const { leading = "", trailing = "" } = getComments(desc);
  return [leading, trailing]
    .map((text) =>
      text
        .replaceAll(/^ /gm, "")
        .trim()
        .replaceAll(/(?<!\n)\n(?!\n)/g, " "),
    )
    .filter((text) => text !== "")
    .join(" ");
}

/** `description` where there is a comment. */
export function described(desc: Exclude<AnyDesc, { kind: "file" }>): Json {
  const description = commentOf(desc);
  return description === "" ? {} : { description };
}

/** Whether a field is one text in JSON, as a parameter is. */
export function isText({ fieldKind, message }: DescField): boolean {
  if (fieldKind === "map") return false;
  return message === undefined || KNOWN.get(message.typeName)?.type === "string";
}

/** The schema of a field, with its comment. */
export function fieldSchema(field: DescField): Json {
  return { ...bareSchema(field), ...described(field) };
}

/** The schema of a message, without these fields. */
export function messageSchema(desc: DescMessage, without: readonly string[] = []): Json {
  const fields = desc.fields.filter(({ name }) => !without.includes(name));
  return {
    type: "object",
    ...described(desc),
    properties: Object.fromEntries(fields.map((field) => [field.jsonName, fieldSchema(field)])),
  };
}

/** The schema of an enum; its values are said one by one. */
export function enumSchema(desc: DescEnum): Json {
  const values = desc.values.map((value) => {
    const comment = commentOf(value);
    return comment === "" ? [] : [`- \`${value.name}\`: ${comment}`];
  });
  const description = [commentOf(desc), values.flat().join("\n")].filter((text) => text !== "");
  return {
    type: "string",
    ...(description.length === 0 ? {} : { description: description.join("\n\n") }),
    enum: desc.values.map(({ name }) => name),
  };
}

/** The messages and enums that a message names, itself among them, each once. */
export function reachedFrom(roots: readonly DescMessage[]): Set<DescMessage | DescEnum> {
  const found = new Set<DescMessage | DescEnum>();
  const visit = (desc: DescMessage | DescEnum) => {
    if (found.has(desc) || KNOWN.has(desc.typeName)) return;
    found.add(desc);
    if (desc.kind === "enum") return;
    for (const { message, enum: named } of desc.fields) {
      for (const each of [message, named]) if (each !== undefined) visit(each);
    }
  };
  for (const root of roots) visit(root);
  return found;
}

/** A reference to the schema of a message or an enum. */
export function referTo({ typeName }: DescMessage | DescEnum): Json {
  return { $ref: `#/components/schemas/${typeName}` };
}

function bareSchema(field: DescField): Json {
  switch (field.fieldKind) {
    case "list":
      return { type: "array", items: valueSchema(field) };
    case "map":
      return { type: "object", additionalProperties: valueSchema(field) };
    default:
      return valueSchema(field);
  }
}

function valueSchema({ message, enum: named, scalar }: DescField): Json {
  if (message !== undefined) return KNOWN.get(message.typeName) ?? referTo(message);
  if (named !== undefined) return referTo(named);
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number", format: "double" };
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return { type: "string", format: "int64" };
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return { type: "integer", format: "int32" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    default:
      return { type: "string" };
  }
}
