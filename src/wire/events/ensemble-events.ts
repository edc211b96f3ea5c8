/**
 * An outgoing event as the envelope events.v1.CloudEvent, in proto3 JSON or in protobuf bytes.
 *
 * Boundary: pure; the same attributes as in cloud-events.ts, of which it is a further format.
 */
import { CloudEventSchema } from "../../../gen/events/v1/cloudevent_pb.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { writeMessage } from "../proto/bytes.ts";
import type { EventAttributes } from "./attributes.ts";

const TYPE_PREFIX = "type.googleapis.com/";

/** The envelope in JSON, with proto field names; `data` is the message's JSON without `@type`. */
export function ensembleJsonBody(attributes: EventAttributes, data: JsonObject): string {
  return JSON.stringify(envelopeOf(attributes, data, "application/json"));
}

/** The envelope in bytes. Throws for data that is not the message that the attributes name. */
export function ensembleProtobufBody(attributes: EventAttributes, data: JsonObject): Uint8Array {
  return writeMessage(CloudEventSchema, envelopeOf(attributes, data, "application/protobuf"));
}

function envelopeOf(
  { id, type, source, time, workspaceId, messageName, key, extensions }: EventAttributes,
  data: JsonObject,
  contentType: string,
): JsonObject {
  return {
    spec_version: "1.0",
    id,
    type,
    source,
    subject: type,
    time,
    data_content_type: contentType,
    tenant_id: workspaceId,
    data: { "@type": TYPE_PREFIX + messageName, ...data },
    extensions: {
      partitionkey: key,
      dataschema: `https://${TYPE_PREFIX}${messageName}`,
      ...extensions,
    },
  };
}
