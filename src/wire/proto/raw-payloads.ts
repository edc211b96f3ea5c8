/**
 * Messages whose payloads (fields of the type google.protobuf.Struct) are bytes to the library: the same on the wire.
 * Boundary: descriptors only; what the bytes are is messages.ts.
 * Why: through the library a Struct loses the key `__proto__`, and 1 MiB of small values holds the event loop for seconds.
 * Left to the library are payloads in a oneof and in a map, of which the contract has none.
 */
import {
  clone,
  createFileRegistry,
  type DescField,
  type DescFile,
  type DescMessage,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

const STRUCT = "google.protobuf.Struct";

/** Fields of a message that are payloads, and those with messages that have some. */
export interface PayloadFields {
  readonly payloads: readonly DescField[];
  readonly nested: readonly (DescField & { readonly message: DescMessage })[];
}

const NONE: PayloadFields = { payloads: [], nested: [] };
const fieldsByMessage = new Map<DescMessage, PayloadFields>();
const rawFiles = new Map<DescFile, DescFile>();
const rawMessages = new Map<DescMessage, DescMessage>();

/** Whether the message, or one inside it, has payloads. */
export function hasPayloads(desc: DescMessage): boolean {
  const { payloads, nested } = payloadFields(desc);
  return payloads.length + nested.length > 0;
}

/** The payload fields of a message. */
export function payloadFields(desc: DescMessage): PayloadFields {
  const known = fieldsByMessage.get(desc);
  if (known !== undefined) return known;
  // A message that holds itself ends here.
  fieldsByMessage.set(desc, NONE);
  const plain = desc.fields.filter((field) => field.oneof === undefined && field.message);
  const fields = {
    payloads: plain.filter((field) => isPayload(field)),
    nested: plain.filter(
      (field): field is DescField & { message: DescMessage } =>
        field.fieldKind !== "map" &&
        field.message !== undefined &&
        !field.message.typeName.startsWith("google.protobuf.") &&
        hasPayloads(field.message),
    ),
  };
  fieldsByMessage.set(desc, fields);
  return fields;
}

/** The message with bytes in the place of its payloads; the message itself where it has none. */
export function rawMessage(desc: DescMessage): DescMessage {
  if (!hasPayloads(desc)) return desc;
  const known = rawMessages.get(desc);
  if (known !== undefined) return known;
  const raw = rawFile(desc.file).messages.find(({ typeName }) => typeName === desc.typeName);
  if (raw === undefined) throw new Error(`${desc.typeName} is nested inside another message`);
  rawMessages.set(desc, raw);
  return raw;
}

function isPayload({ fieldKind, message }: DescField): boolean {
  return fieldKind !== "map" && message?.typeName === STRUCT;
}

function rawFile(file: DescFile): DescFile {
  const known = rawFiles.get(file);
  if (known !== undefined) return known;
  const proto = clone(FileDescriptorProtoSchema, file.proto);
  for (const message of proto.messageType) toBytes(message);
  const imported = new Map(file.dependencies.map((each) => [each.proto.name, each]));
  const registry = createFileRegistry(proto, (name) => {
    const dependency = imported.get(name);
    return dependency && !name.startsWith("google/") ? rawFile(dependency) : dependency;
  });
  const raw = registry.getFile(proto.name);
  if (raw === undefined) throw new Error(`${proto.name} has no descriptor`);
  rawFiles.set(file, raw);
  return raw;
}

function toBytes(message: DescriptorProto): void {
  if (message.options?.mapEntry) return;
  for (const field of message.field) {
    if (field.typeName !== `.${STRUCT}` || inOneof(field)) continue;
    field.type = FieldDescriptorProto_Type.BYTES;
    field.typeName = "";
    // Unset stays unset.
    field.proto3Optional = field.label !== FieldDescriptorProto_Label.REPEATED;
  }
  for (const inner of message.nestedType) toBytes(inner);
}

function inOneof(field: FieldDescriptorProto): boolean {
  return !field.proto3Optional && Object.hasOwn(field, "oneofIndex");
}
