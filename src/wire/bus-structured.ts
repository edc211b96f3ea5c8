/**
 * CloudEvents 1.0 in structured JSON mode (JSON Event Format, section 3).
 *
 * Boundary: attributes and data as they stand; what the data means is read in bus-events.ts.
 * Invariant: the body's nesting is never walked by recursion, so no depth overflows the stack.
 */
import { isJsonObject, type Json, type JsonObject, ownValue } from "../engine/json.ts";
import type { BusMessage, Encoding, Envelope } from "./bus-message.ts";
import { parseJson, readField, readText } from "./loose-fields.ts";
import { type Poison, poison } from "./poison.ts";

const REQUIRED = ["id", "source", "specversion", "type"] as const;
const JSON_MEDIA_TYPE = /^[^;]*[/+]json\s*(;|$)/i;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The encoding of every message without CloudEvents headers: the body is one JSON object. */
export const structuredJson: Encoding = {
  name: "structured-json",
  recognises: ({ headers }) => !headers.has("ce-specversion"),
  read: readStructured,
};

function readStructured(message: BusMessage): { ok: true; envelope: Envelope } | Poison {
  const text = decodeUtf8(message.data);
  if (text === undefined) return poison("not_utf8", "the body is not UTF-8");
  const body = parseJson(text);
  if (body === undefined) return poison("not_json", "the body is not JSON");
  if (!isJsonObject(body)) return poison("not_an_object", "the body is not a JSON object");
  const fault = findAttributeFault(body);
  if (fault !== undefined) return fault;
  const data = readData(body);
  if (!data.ok) return data;
  return { ok: true, envelope: makeEnvelope(body, data.value) };
}

function makeEnvelope(body: JsonObject, data: JsonObject): Envelope {
  return {
    id: readText(body, ["id"]),
    source: readText(body, ["source"]),
    type: readText(body, ["type"]),
    subject: readText(body, ["subject"]),
    time: readText(body, ["time"]),
    workspaceId: readText(body, ["tenantid", "tenant_id"]),
    dataSchema: readText(body, ["dataschema"]),
    hops: readField(body, ["workflowhops"]),
    data,
  };
}

function findAttributeFault(body: JsonObject): Poison | undefined {
  for (const name of REQUIRED) {
    const value = ownValue(body, name);
    if (value === undefined || value === null || value === "") {
      return poison("missing_attribute", `the attribute ${name} is missing`);
    }
    if (typeof value !== "string") return poison("bad_attribute", `${name} is not a text`);
  }
  if (ownValue(body, "specversion") !== "1.0") {
    return poison("bad_attribute", "specversion is not 1.0");
  }
  return undefined;
}

function readData(body: JsonObject): { ok: true; value: JsonObject } | Poison {
  const base64 = readText(body, ["data_base64"]);
  if (base64 !== "") return readBase64(base64, readText(body, ["datacontenttype"]));
  return requireObject(ownValue(body, "data"));
}

function readBase64(base64: string, mediaType: string): { ok: true; value: JsonObject } | Poison {
  if (mediaType !== "" && !JSON_MEDIA_TYPE.test(mediaType)) {
    return poison("unknown_encoding", "data_base64 holds no JSON");
  }
  const text = decodeUtf8(Buffer.from(base64, "base64"));
  const value = text === undefined ? undefined : parseJson(text);
  if (value === undefined) return poison("bad_data", "data_base64 holds no JSON");
  return requireObject(value);
}

// CloudEvents allows an event without data; it has no fields.
function requireObject(value: Json | undefined): { ok: true; value: JsonObject } | Poison {
  if (value === undefined || value === null) return { ok: true, value: {} };
  if (isJsonObject(value)) return { ok: true, value };
  return poison("bad_data", "the data is not a JSON object");
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
