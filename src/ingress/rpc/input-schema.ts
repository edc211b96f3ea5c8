/**
 * The schema of a version's input (`input:` of its workflow file): what a caller starts a run with must keep it.
 * Boundary: judges a value; the schema is read with each start, because the same content may be published with another one.
 */
import type { JsonObject } from "../../engine/values/json.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { ShortMemory } from "../../process/short-memory.ts";
import { findOutputFaults } from "./output-schema.ts";

interface KnownSchema {
  readonly text: string;
  /** The object for which a check is compiled once. */
  readonly schema: JsonObject;
}

const KEPT_MS = 3_600_000;
const KEPT_AT_MOST = 200;
/** By the ids of versions. */
const known = new ShortMemory<KnownSchema>(KEPT_MS, KEPT_AT_MOST);

/** What is wrong with an input by the stored schema of its version, by field path below `field`. Null: it has none. */
export function findInputFaults(
  versionId: string,
  schemaJson: string | null,
  input: JsonObject,
  field: string,
): FieldFault[] {
  return schemaJson === null ? [] : findOutputFaults(schemaOf(versionId, schemaJson), input, field);
}

function schemaOf(versionId: string, text: string): JsonObject {
  const found = known.find(versionId);
  if (found?.text === text) return found.schema;
  const schema = JSON.parse(text) as JsonObject;
  known.keep(versionId, { text, schema });
  return schema;
}
