/**
 * CloudEvents 1.0 in structured JSON mode (JSON Event Format, section 3).
 *
 * Boundary: attributes and data unchanged; content.ts interprets the data.
 * Invariant: the body's nesting is never walked by recursion, so no depth overflows the stack.
 */
import { type JsonObject, ownValue } from "../../engine/values/json.ts";
import { extensionsOf, findRequiredFault, readAttribute } from "./attributes.ts";
import { type ReadData, readDataBytes, requireObject } from "./data.ts";
import { readField, readText } from "./loose-fields.ts";
import type { Candidate, Encoding, Envelope, ReadEnvelope } from "./message.ts";

/** The encoding of every message that no other one claims: the body is one JSON object. */
export const structuredJson: Encoding = {
  name: "structured-json",
  recognises: () => true,
  read: readStructured,
};

function readStructured(candidate: Candidate): ReadEnvelope {
  const body = candidate.jsonBody();
  if (!body.ok) return body;
  const fault = findRequiredFault((name) => ownValue(body.value, name), "specversion");
  if (fault !== undefined) return fault;
  const data = readData(body.value);
  if (data.ok !== true) return data;
  return { ok: true, envelope: makeEnvelope(body.value, data.value) };
}

function makeEnvelope(body: JsonObject, data: JsonObject): Envelope {
  const read = (...names: readonly string[]) =>
    readAttribute((name) => readField(body, [name]), ...names);
  return {
    id: read("id"),
    source: read("source"),
    type: read("type"),
    subject: read("subject"),
    time: read("time"),
    workspaceId: read("tenantid", "tenant_id"),
    dataSchema: read("dataschema"),
    hops: readField(body, ["workflowhops"]),
    runId: read("runid"),
    stepId: read("stepid"),
    extensions: extensionsOf(Object.entries(body)),
    data,
  };
}

function readData(body: JsonObject): ReadData {
  const base64 = readText(body, ["data_base64"]);
  if (base64 === "") return requireObject(ownValue(body, "data"));
  const bytes = Buffer.from(base64, "base64");
  return readDataBytes(bytes, readText(body, ["datacontenttype"]), readText(body, ["dataschema"]));
}
