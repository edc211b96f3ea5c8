/**
 * The attributes of the envelope events.v1.CloudEvent, from its proto3 JSON.
 *
 * Boundary: what both of its encodings share: bus-ensemble-json.ts and bus-ensemble-protobuf.ts.
 */
import type { JsonObject } from "../engine/json.ts";
import { findRequiredFault } from "./bus-attributes.ts";
import { requireObject } from "./bus-data.ts";
import type { ReadEnvelope } from "./bus-message.ts";
import { readField, readObject, readText } from "./loose-fields.ts";

/** Reads the envelope; fields have their proto names or lower camel case. */
export function readEnsemble(body: JsonObject): ReadEnvelope {
  const fault = findRequiredFault((name) => readField(body, [name]), "spec_version");
  if (fault !== undefined) return fault;
  const data = requireObject(readField(body, ["data"]));
  if (!data.ok) return data;
  const extensions = readObject(body, ["extensions"]) ?? {};
  return {
    ok: true,
    envelope: {
      id: readText(body, ["id"]),
      source: readText(body, ["source"]),
      type: readText(body, ["type"]),
      subject: readText(body, ["subject"]),
      time: readText(body, ["time"]),
      workspaceId: readText(body, ["tenant_id"]) || readText(extensions, ["tenantid", "tenant_id"]),
      dataSchema: readText(extensions, ["dataschema"]),
      hops: readField(extensions, ["workflowhops"]),
      runId: readText(extensions, ["runid", "run_id"]),
      stepId: readText(extensions, ["stepid", "step_id"]),
      data: data.value,
    },
  };
}
