/**
 * The schema of a version's input (`input:` of its workflow file): what a caller starts a run with must keep it.
 * Boundary: judges a value; the schema is read with each start, because the same content may be published with another one.
 */
import type { JsonObject } from "../../engine/values/json.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { findOutputFaults } from "./output-schema.ts";

/** A version, and whose it is. */
interface VersionOfWorkspace {
  readonly workspaceId: string;
  readonly versionId: string;
}

interface KnownSchema {
  readonly workspaceId: string;
  readonly text: string;
  /** The object for which a check is compiled once. */
  readonly schema: JsonObject;
}

const KEPT_AT_MOST = 200;

/**
 * Schemas that are compiled, of all workspaces. One too many takes the place of the one that was used least lately of the workspace that
 * has most: a workspace with many versions makes those of no other one be compiled anew.
 */
export class KnownSchemas {
  /** By the ids of versions, in the order of their use. */
  readonly #known = new Map<string, KnownSchema>();
  readonly #atMost: number;

  constructor(atMost = KEPT_AT_MOST) {
    this.#atMost = atMost;
  }

  /** The schema of a text: the same object while it is kept. */
  of({ workspaceId, versionId }: VersionOfWorkspace, text: string): JsonObject {
    const found = this.#known.get(versionId);
    const known =
      found?.text === text ? found : { workspaceId, text, schema: JSON.parse(text) as JsonObject };
    this.#known.delete(versionId);
    this.#known.set(versionId, known);
    if (this.#known.size > this.#atMost) this.#dropOne();
    return known.schema;
  }

  #dropOne(): void {
    const counts = new Map<string, number>();
    for (const { workspaceId } of this.#known.values()) {
      counts.set(workspaceId, (counts.get(workspaceId) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    for (const [versionId, { workspaceId }] of this.#known) {
      if (counts.get(workspaceId) !== most) continue;
      this.#known.delete(versionId);
      return;
    }
  }
}

const known = new KnownSchemas();

/** What is wrong with an input by the stored schema of its version, by field path below `field`. Null: it has none. */
export function findInputFaults(
  version: VersionOfWorkspace,
  schemaJson: string | null,
  input: JsonObject,
  field: string,
): FieldFault[] {
  return schemaJson === null ? [] : findOutputFaults(known.of(version, schemaJson), input, field);
}
