/**
 * An outgoing event as the envelope events.v1.CloudEvent, in proto3 JSON or in protobuf bytes.
 *
 * Boundary: pure; the same attributes as in cloud-events.ts, of which it is a further format.
 */
import { CloudEventSchema } from "../../../gen/events/v1/cloudevent_pb.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { writeMessage } from "../proto/bytes.ts";
import type { EventAttributes } from "./attributes.ts";
import { type Fields, TYPE_PREFIX } from "./event-data.ts";

/** The envelope in JSON, with proto field names. */
export function ensembleJsonBody(attributes: EventAttributes, data: Fields): string {
  return envelopeText(attributes, data, "application/json");
}

/** The envelope in bytes. Throws for data that is not the message that the attributes name. */
export function ensembleProtobufBody(attributes: EventAttributes, data: Fields): Uint8Array {
  // The text has no field that is undefined.
  const envelope: JsonObject = JSON.parse(envelopeText(attributes, data, "application/protobuf"));
  return writeMessage(CloudEventSchema, envelope);
}

function envelopeText(
  { id, type, source, time, workspaceId, messageName, key, extensions }: EventAttributes,
  data: Fields,
  contentType: string,
): string {
  return JSON.stringify({
    spec_version: "1.0",
    id,
    type,
    source,
    subject: type,
    time,
    data_content_type: contentType,
    tenant_id: workspaceId,
    data,
    extensions: {
      partitionkey: key,
      dataschema: `https://${TYPE_PREFIX}${messageName}`,
      ...extensions,
    },
  });
}
