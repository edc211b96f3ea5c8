/**
 * The envelope events.v1.CloudEvent as protobuf bytes.
 *
 * Boundary: recognition and strict reading; the attributes are read in ensemble.ts.
 */
import { CloudEventSchema } from "../../../gen/events/v1/cloudevent_pb.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { readMessageJson } from "../proto/json.ts";
import { openReader, ProtobufFault, readEnd } from "../proto/reader.ts";
import { isUnreadAny, startsWithBrace } from "./data.ts";
import { readEnsemble } from "./ensemble.ts";
import { readObject } from "./loose-fields.ts";
import type { Candidate, Encoding, ReadEnvelope } from "./message.ts";
import { ignored, type Poison, poison } from "./poison.ts";

const PROTOBUF_MEDIA_TYPE = /^\s*application\/[^;]*proto/i;
/** Every field of the envelope is a text or a message. */
const FIELDS_AT_MOST = 10;
const LENGTH_DELIMITED = 2;

/** Never JSON; a body that is said to be protobuf, or that begins with a whole field of the envelope. */
export const ensembleProtobuf: Encoding = {
  name: "ensemble-protobuf",
  recognises: ({ headers, data }) =>
    !startsWithBrace(data) &&
    (PROTOBUF_MEDIA_TYPE.test(headers.get("content-type") ?? "") || beginsWithField(data)),
  read: readEnvelope,
};

function beginsWithField(bytes: Uint8Array): boolean {
  const tag = bytes[0] ?? 0;
  const fieldNo = tag >>> 3;
  if ((tag & 7) !== LENGTH_DELIMITED || fieldNo === 0 || fieldNo > FIELDS_AT_MOST) return false;
  try {
    readEnd(openReader(bytes.subarray(1)));
    return true;
  } catch {
    // The length is no number, or longer than the body: text that happens to begin so.
    return false;
  }
}

function readEnvelope({ data }: Candidate): ReadEnvelope {
  const body = readBody(data);
  if (!body.ok) return body;
  const content = readObject(body.value, ["data"]);
  const read = readEnsemble(body.value);
  return read.ok === true && content !== undefined && isUnreadAny(content)
    ? ignored("unknown_type")
    : read;
}

function readBody(bytes: Uint8Array): { ok: true; value: JsonObject } | Poison {
  try {
    return { ok: true, value: readMessageJson(CloudEventSchema, bytes) };
  } catch (error) {
    if (!(error instanceof ProtobufFault)) throw error;
    return error.isContent
      ? poison("bad_data", `the data: ${error.message}`)
      : poison("not_protobuf", "the body is no events.v1.CloudEvent");
  }
}
