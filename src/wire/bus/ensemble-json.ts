/**
 * The envelope events.v1.CloudEvent as proto3 JSON.
 *
 * Boundary: recognition; the attributes are read in ensemble.ts.
 */
import { ownValue } from "../../engine/values/json.ts";
import { startsWithBrace } from "./data.ts";
import { readEnsemble } from "./ensemble.ts";
import { readField } from "./loose-fields.ts";
import type { Candidate, Encoding } from "./message.ts";

/** A JSON object with `spec_version` (or `specVersion`) and without `specversion`. */
export const ensembleJson: Encoding = {
  name: "ensemble-json",
  recognises,
  read(candidate) {
    const body = candidate.jsonBody();
    return body.ok ? readEnsemble(body.value) : body;
  },
};

function recognises(candidate: Candidate): boolean {
  if (!startsWithBrace(candidate.data)) return false;
  const body = candidate.jsonBody();
  return (
    body.ok &&
    readField(body.value, ["spec_version"]) !== undefined &&
    ownValue(body.value, "specversion") === undefined
  );
}
