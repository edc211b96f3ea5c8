/**
 * CloudEvents 1.0 in binary mode: attributes in `ce-…` headers, the data alone in the body.
 *
 * Boundary: headers and media type; the data's bytes are read in data.ts.
 * The media type of the data is `ce-datacontenttype` (NATS binding) or `Content-Type` (as in HTTP).
 */
import { extensionsOf, findRequiredFault } from "./attributes.ts";
import { readDataBytes } from "./data.ts";
import type { Candidate, Encoding, ReadEnvelope } from "./message.ts";

const PREFIX = "ce-";
const STRUCTURED_MEDIA_TYPE = /^\s*application\/cloudevents/i;
const ESCAPED_BYTES = /(?:%[0-9a-f]{2})+/gi;

/** The encoding of messages with CloudEvents headers whose body is not a whole event. */
export const binaryMode: Encoding = {
  name: "binary",
  recognises: ({ headers }) =>
    (headers.has("ce-specversion") || headers.has("ce-id")) &&
    !STRUCTURED_MEDIA_TYPE.test(headers.get("content-type") ?? ""),
  read: readBinary,
};

function readBinary({ headers, data: bytes }: Candidate): ReadEnvelope {
  const find = (name: string) => attributeOf(headers.get(PREFIX + name));
  const fault = findRequiredFault(find, "specversion");
  if (fault !== undefined) return fault;
  const mediaType = find("datacontenttype") ?? headers.get("content-type") ?? "";
  const dataSchema = find("dataschema") ?? "";
  const data = readDataBytes(bytes, mediaType, dataSchema);
  if (data.ok !== true) return data;
  const text = (name: string) => find(name) ?? "";
  return {
    ok: true,
    envelope: {
      id: text("id"),
      source: text("source"),
      type: text("type"),
      subject: text("subject"),
      time: text("time"),
      workspaceId: text("tenantid") || text("tenant_id"),
      dataSchema,
      hops: find("workflowhops"),
      runId: text("runid"),
      stepId: text("stepid"),
      extensions: extensionsOf(
        [...headers]
          .filter(([name]) => name.startsWith(PREFIX))
          .map(([name, value]) => [name.slice(PREFIX.length), attributeOf(value) ?? ""] as const),
      ),
      data: data.value,
    },
  };
}

// Values are percent-encoded (HTTP binding, section 3.1.3.2); what is no UTF-8 then stays as it is.
function attributeOf(value: string | undefined): string | undefined {
  return value?.trim().replace(ESCAPED_BYTES, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped;
    }
  });
}
