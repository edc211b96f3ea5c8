/**
 * What an expression of a step may name: the input, the steps before it with their outputs, the run, and functions.
 * Boundary: pure; read from the picture of the text. Whether an expression is right is the check's to say.
 */
import type { Json, JsonObject } from "../../../../../../src/engine/values/json.ts";
import type { PictureEdge, PictureStep } from "./picture.ts";

/** What completion offers. */
export interface ScopeName {
  readonly label: string;
  readonly detail: string;
  readonly kind: "variable" | "property" | "function";
}

const RUN = [
  ...["id", "workspace_id", "definition_id", "environment", "vars", "entity_id", "entity_type"],
  ...["trigger_type", "started_at"],
];
const FUNCTIONS: readonly (readonly [name: string, about: string])[] = [
  ["size(", "of a text, a list or an object"],
  ["has(", "whether a field is there"],
  ["string(", "as a text"],
  ["double(", "as a number"],
  ["timestamp(", "a time"],
  ["duration(", "a length of time"],
];

/** The names for expressions of a step; with `isEvent`, of a filter of events. */
export function scopeOf(
  {
    steps,
    edges,
    inputSchema,
  }: {
    readonly steps: readonly PictureStep[];
    readonly edges: readonly PictureEdge[];
    readonly inputSchema: Json | undefined;
  },
  stepId: string,
): ScopeName[] {
  const names: ScopeName[] = [{ label: "input", detail: "of the run", kind: "variable" }];
  for (const [name, type] of propertiesOf(inputSchema)) {
    names.push({ label: `input.${name}`, detail: type, kind: "property" });
  }
  const before = stepsBefore(edges, stepId);
  for (const { id, kind, values } of steps) {
    if (!before.has(id)) continue;
    const output = `steps.${id.replaceAll("-", "_")}.output`;
    names.push({ label: output, detail: kind, kind: "variable" });
    for (const [name, type] of propertiesOf(values.output)) {
      names.push({ label: `${output}.${name}`, detail: type, kind: "property" });
    }
  }
  for (const name of RUN) names.push({ label: `run.${name}`, detail: "the run", kind: "property" });
  for (const [label, detail] of FUNCTIONS) names.push({ label, detail, kind: "function" });
  return names;
}

/** Steps from which paths lead to this one. */
function stepsBefore(edges: readonly PictureEdge[], stepId: string): ReadonlySet<string> {
  const from = new Map<string, string[]>();
  for (const edge of edges) {
    const sources = from.get(edge.to);
    if (sources === undefined) from.set(edge.to, [edge.from]);
    else sources.push(edge.from);
  }
  const before = new Set<string>();
  const open = [stepId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const source of from.get(id) ?? []) {
      if (before.has(source)) continue;
      before.add(source);
      open.push(source);
    }
  }
  return before;
}

/** Of a JSON Schema, or of its short form. */
export function propertiesOf(schema: Json | undefined): (readonly [name: string, type: string])[] {
  if (!isObject(schema)) return [];
  const { properties } = schema;
  const found = isObject(properties) ? properties : schema.type === undefined ? schema : {};
  return Object.entries(found).map(([name, value]) => {
    const type = isObject(value) ? value.type : value;
    return [name, typeof type === "string" ? type : ""];
  });
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
