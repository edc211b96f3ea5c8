/**
 * An outgoing event as the envelope events.v1.CloudEvent, in proto3 JSON or in protobuf bytes.
 *
 * Boundary: pure; the same attributes as in cloud-events.ts, of which it is a further format.
 */
import { CloudEventSchema } from "../../../gen/events/v1/cloudevent_pb.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { writeMessage } from "../proto/bytes.ts";
import type { EventAttributes } from "./attributes.ts";
import { TYPE_PREFIX } from "./event-data.ts";
import { fieldsText, quoted } from "./event-text.ts";

/** The envelope in JSON, with proto field names. */
export function ensembleJsonBody(attributes: EventAttributes, data: string): string {
  return envelopeText(attributes, data, "application/json");
}

/** The envelope in bytes. Throws for data that is not the message that the attributes name. */
export function ensembleProtobufBody(attributes: EventAttributes, data: string): Uint8Array {
  const envelope: JsonObject = JSON.parse(envelopeText(attributes, data, "application/protobuf"));
  return writeMessage(CloudEventSchema, envelope);
}

function envelopeText(
  { id, type, source, time, workspaceId, messageName, key, extensions }: EventAttributes,
  data: string,
  contentType: string,
): string {
  const kind = quoted(type);
  return (
    `{"spec_version":"1.0","id":${quoted(id)},"type":${kind},"source":"${source}",` +
    `"subject":${kind},"time":"${time}","data_content_type":"${contentType}",` +
    `"tenant_id":${quoted(workspaceId)},"data":${data},` +
    `"extensions":{"partitionkey":${quoted(key)},` +
    `"dataschema":"https://${TYPE_PREFIX}${messageName}"${fieldsText(extensions)}}}`
  );
}
