/**
 * The attributes of the envelope events.v1.CloudEvent, from its proto3 JSON.
 *
 * Boundary: what both of its encodings share: ensemble-json.ts and ensemble-protobuf.ts.
 */
import type { JsonObject } from "../../engine/values/json.ts";
import { extensionsOf, findRequiredFault, readAttribute } from "./attributes.ts";
import { requireObject } from "./data.ts";
import { readField, readObject } from "./loose-fields.ts";
import type { ReadEnvelope } from "./message.ts";

/** Reads the envelope; fields have their proto names or lower camel case. */
export function readEnsemble(body: JsonObject): ReadEnvelope {
  const fault = findRequiredFault((name) => readField(body, [name]), "spec_version");
  if (fault !== undefined) return fault;
  const data = requireObject(readField(body, ["data"]));
  if (!data.ok) return data;
  const extensions = readObject(body, ["extensions"]) ?? {};
  const read = (...names: readonly string[]) =>
    readAttribute((name) => readField(body, [name]), ...names);
  const readExtension = (...names: readonly string[]) =>
    readAttribute((name) => readField(extensions, [name]), ...names);
  return {
    ok: true,
    envelope: {
      id: read("id"),
      source: read("source"),
      type: read("type"),
      subject: read("subject"),
      time: read("time"),
      workspaceId: read("tenant_id") || readExtension("tenantid", "tenant_id"),
      dataSchema: readExtension("dataschema"),
      hops: readField(extensions, ["workflowhops"]),
      runId: readExtension("runid", "run_id"),
      stepId: readExtension("stepid", "step_id"),
      extensions: extensionsOf(Object.entries(extensions)),
      data: data.value,
    },
  };
}
