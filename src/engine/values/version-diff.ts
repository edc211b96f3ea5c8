/**
 * What differs between two versions: steps and edges that were added, removed or changed, field by field.
 * Boundary: pure. Names of fields are those of the wire.
 * Invariant: no differences exactly where both have the same digest (digest.ts).
 */
import type { EdgeDefinition, VersionSpec } from "./definition.ts";
import { comparableVersion } from "./digest.ts";
import { canonicalJson, isJsonObject, type Json, type JsonObject } from "./json.ts";

/** A field with its values; undefined where a side does not have it. */
export interface FieldChange {
  /** Such as `timeout_seconds` or `config.title`. */
  readonly field: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** One step or edge, or what belongs to the version as a whole. */
export interface VersionChange {
  readonly change: "added" | "removed" | "changed";
  readonly part: "step" | "edge" | "version";
  /** The id of a step; `from -> to` of an edge, with its label; "" for the version. */
  readonly id: string;
  /** Empty unless it is changed. */
  readonly fields: readonly FieldChange[];
}

/** What a workflow does before its first version. */
export const NO_VERSION: VersionSpec = {
  ...{ steps: [], edges: [], timeoutSeconds: 0, author: "" },
  trigger: {
    ...{ triggerType: "MANUAL", eventType: "", eventSubject: "", tapProvider: "" },
    ...{ tapEntityType: "", tapAction: "", cronExpr: "", parentWorkflowId: "", filterExpr: "" },
    written: "unset",
  },
};

/** Fields whose own fields are compared. */
const WITHIN: ReadonlySet<string> = new Set([
  "config",
  "trigger",
  "defaultRetryPolicy",
  "retryPolicy",
]);

/** Steps first, then edges, then the version's own fields. */
export function diffVersions(before: VersionSpec, after: VersionSpec): VersionChange[] {
  const [old, now] = [comparableVersion(before), comparableVersion(after)];
  const changes = [
    ...diffParts("step", numbered(now.steps, stepId), numbered(old.steps, stepId)),
    ...diffParts("edge", numbered(now.edges, edgeId), numbered(old.edges, edgeId)),
  ];
  const { steps: oldSteps, edges: oldEdges, ...oldRest } = old;
  const { steps, edges, ...rest } = now;
  const fields = [
    ...diffFields(oldRest, rest),
    ...orderChange("steps", oldSteps.map(stepId), steps.map(stepId)),
    ...orderChange("edges", oldEdges.map(edgeId), edges.map(edgeId)),
  ];
  if (fields.length > 0) changes.push({ change: "changed", part: "version", id: "", fields });
  return changes;
}

function stepId({ id }: { readonly id: string }): string {
  return id;
}

function edgeId({ fromStepId, toStepId, label }: EdgeDefinition): string {
  return `${fromStepId} -> ${toStepId}${label === "" ? "" : ` (${label})`}`;
}

/** Parts by their ids; several with one id are told apart by their order. */
function numbered<Part>(parts: readonly Part[], idOf: (part: Part) => string) {
  const found = new Map<string, { readonly id: string; readonly part: Part }>();
  for (const part of parts) {
    const id = idOf(part);
    let key = `${id}\n`;
    while (found.has(key)) key += "+";
    found.set(key, { id, part });
  }
  return found;
}

type Numbered = ReadonlyMap<string, { readonly id: string; readonly part: object }>;

function diffParts(part: "step" | "edge", now: Numbered, old: Numbered): VersionChange[] {
  const changes: VersionChange[] = [];
  for (const [key, { id, part: before }] of old) {
    const after = now.get(key)?.part;
    if (after === undefined) {
      changes.push({ change: "removed", part, id, fields: [] });
      continue;
    }
    const fields = diffFields(before, after);
    if (fields.length > 0) changes.push({ change: "changed", part, id, fields });
  }
  for (const [key, { id }] of now) {
    if (!old.has(key)) changes.push({ change: "added", part, id, fields: [] });
  }
  return changes;
}

function diffFields(before: object, after: object): FieldChange[] {
  const [old, now] = [flat(before), flat(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])];
  return names.flatMap((field) => {
    const [was, is] = [old.get(field), now.get(field)];
    const isSame =
      was !== undefined && is !== undefined && canonicalJson(was) === canonicalJson(is);
    return isSame ? [] : [{ field, before: was, after: is }];
  });
}

/** The fields of an object by their names on the wire, those of `config` and the like one by one. */
function flat(value: object): Map<string, Json> {
  const fields = new Map<string, Json>();
  const content: JsonObject = JSON.parse(JSON.stringify(value));
  for (const [key, field] of Object.entries(content)) {
    const name = wireName(key);
    if (!WITHIN.has(key) || !isJsonObject(field)) {
      fields.set(name, field);
      continue;
    }
    // An empty one is not the same as none.
    if (Object.keys(field).length === 0) fields.set(name, field);
    for (const [inner, each] of Object.entries(field)) {
      fields.set(`${name}.${key === "config" ? inner : wireName(inner)}`, each);
    }
  }
  return fields;
}

function wireName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The order of what both have: edges are tried, and outputs merged, in their order. */
function orderChange(field: string, old: readonly string[], now: readonly string[]): FieldChange[] {
  const [inOld, inNow] = [new Set(old), new Set(now)];
  const before = old.filter((id) => inNow.has(id));
  const after = now.filter((id) => inOld.has(id));
  const isSame = before.length !== after.length || before.join("\n") === after.join("\n");
  return isSame ? [] : [{ field: `order of ${field}`, before, after }];
}
