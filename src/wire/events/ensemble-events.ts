/**
 * An outgoing event as the envelope events.v1.CloudEvent, in proto3 JSON or in protobuf bytes.
 *
 * Boundary: pure; the same attributes as in cloud-events.ts, of which it is a further format.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { JsonObject } from "../../engine/values/json.ts";
import { writeEntry, writeInside, writeMessage, writeTimestamp } from "../proto/bytes.ts";
import { findMessageType } from "../proto/message-types.ts";
import type { EventAttributes } from "./attributes.ts";

const SPEC_VERSION = "1.0";
const TYPE_PREFIX = "type.googleapis.com/";

/** The envelope in JSON, with proto field names; `data` is the message's JSON without `@type`. */
export function ensembleJsonBody(attributes: EventAttributes, data: JsonObject): string {
  const { id, type, source, time, workspaceId, messageName } = attributes;
  return JSON.stringify({
    spec_version: SPEC_VERSION,
    id,
    type,
    source,
    subject: type,
    time,
    data_content_type: "application/json",
    tenant_id: workspaceId,
    data: { "@type": TYPE_PREFIX + messageName, ...data },
    extensions: extensionsOf(attributes),
  });
}

/** The envelope in bytes. Throws for data that is not the message that the attributes name. */
export function ensembleProtobufBody(attributes: EventAttributes, data: JsonObject): Uint8Array {
  const { id, type, source, time, workspaceId, messageName } = attributes;
  const message = findMessageType(messageName);
  if (message === undefined) throw new TypeError(`${messageName} is not known`);
  const writer = new BinaryWriter();
  const text = (fieldNo: number, value: string) =>
    writer.tag(fieldNo, WireType.LengthDelimited).string(value);
  text(1, SPEC_VERSION);
  text(2, id);
  text(3, type);
  text(4, source);
  text(5, type);
  writeInside(writer, 6, () => writeTimestamp(writer, time));
  text(7, "application/protobuf");
  text(8, workspaceId);
  writeInside(writer, 9, () => {
    text(1, TYPE_PREFIX + messageName);
    writer.tag(2, WireType.LengthDelimited).bytes(writeMessage(message, data));
  });
  for (const [name, value] of Object.entries(extensionsOf(attributes))) {
    writeEntry(writer, 10, name, value);
  }
  return writer.finish();
}

function extensionsOf({ key, messageName, extensions }: EventAttributes): JsonObject {
  return {
    partitionkey: key,
    dataschema: `https://${TYPE_PREFIX}${messageName}`,
    ...extensions,
  };
}
