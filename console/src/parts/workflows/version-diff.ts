/**
 * How two versions differ, by steps and lines: what was added, removed and changed, and one graph that has all of it.
 * Boundary: pure. Steps are the same when they have the same id; lines, when they are between the same two steps.
 */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import {
  type Edge,
  EdgeSchema,
  type StepDefinition,
  StepDefinitionSchema,
  type WorkflowVersion,
  WorkflowVersionSchema,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { groupBy } from "../graph/group-by.ts";
import type { Mark } from "../graph/node-facts.ts";

/** One difference. */
export interface Change {
  readonly mark: Mark;
  /** `version`: what is of no step, such as the trigger. */
  readonly of: "step" | "line" | "version";
  /** The id of a step, `from → to` of a line, the field of a version. */
  readonly name: string;
  /** Fields that have other values, as JSON names them. */
  readonly fields: readonly string[];
}

/** What two versions have together. */
export interface VersionDiff {
  /** Steps and edges of the later one, and those that it has no more. */
  readonly steps: readonly StepDefinition[];
  readonly edges: readonly Edge[];
  readonly stepMarks: ReadonlyMap<string, Mark>;
  /** By `from to`. */
  readonly linkMarks: ReadonlyMap<string, Mark>;
  readonly changes: readonly Change[];
}

/** What a version has besides steps, edges and what names it. */
const OF_VERSION = ["trigger", "defaultRetryPolicy", "timeoutSeconds"] as const;

/** From one version to another one. */
export function diffVersions(from: WorkflowVersion, to: WorkflowVersion): VersionDiff {
  const steps = compare(
    new Map(from.steps.map((step) => [step.id, step])),
    new Map(to.steps.map((step) => [step.id, step])),
    (step) => toJson(StepDefinitionSchema, step),
  );
  const lines = compare(linesOf(from), linesOf(to), (edges) =>
    edges.map((edge) => toJson(EdgeSchema, edge)),
  );
  const removed = <T>(all: ReadonlyMap<string, T>, marks: ReadonlyMap<string, Mark>) =>
    [...all].filter(([key]) => marks.get(key) === "removed").map(([, value]) => value);
  return {
    steps: [...to.steps, ...from.steps.filter(({ id }) => steps.marks.get(id) === "removed")],
    edges: [...to.edges, ...removed(linesOf(from), lines.marks).flat()],
    stepMarks: steps.marks,
    linkMarks: lines.marks,
    changes: [
      ...versionChanges(from, to),
      ...changesOf("step", steps, (id) => id),
      ...changesOf("line", lines, (pair) => pair.replace(" ", " → ")),
    ],
  };
}

interface Compared {
  readonly marks: ReadonlyMap<string, Mark>;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** What is not marked is the same in both. */
function compare<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  jsonOf: (value: T) => JsonValue,
): Compared {
  const marks = new Map<string, Mark>();
  const fields = new Map<string, string[]>();
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old === undefined) marks.set(key, "added");
    else {
      const [one, other] = [jsonOf(old), jsonOf(value)];
      if (canonical(one) === canonical(other)) continue;
      marks.set(key, "changed");
      fields.set(key, fieldsThatDiffer(one, other));
    }
  }
  for (const key of before.keys()) if (!after.has(key)) marks.set(key, "removed");
  return { marks, fields };
}

function changesOf(
  of: "step" | "line",
  { marks, fields }: Compared,
  nameOf: (key: string) => string,
): Change[] {
  return [...marks].map(([key, mark]) => ({
    ...{ mark, of, name: nameOf(key) },
    fields: fields.get(key) ?? [],
  }));
}

function versionChanges(from: WorkflowVersion, to: WorkflowVersion): Change[] {
  const [before, after] = [toJson(WorkflowVersionSchema, from), toJson(WorkflowVersionSchema, to)];
  if (!isObject(before) || !isObject(after)) return [];
  return OF_VERSION.flatMap((name): Change[] => {
    const [one, other] = [before[name], after[name]];
    if (canonical(one ?? null) === canonical(other ?? null)) return [];
    const mark = one === undefined ? "added" : other === undefined ? "removed" : "changed";
    return [{ mark, of: "version", name, fields: fieldsThatDiffer(one ?? null, other ?? null) }];
  });
}

function linesOf({ edges }: WorkflowVersion): Map<string, Edge[]> {
  return groupBy(edges, ({ fromStepId, toStepId }) => `${fromStepId} ${toStepId}`);
}

function fieldsThatDiffer(one: JsonValue, other: JsonValue): string[] {
  // Of several lines between two steps their labels and conditions are what differs.
  const [before, after] = [objectIn(one), objectIn(other)];
  if (before === undefined || after === undefined) return [];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter(
    (name) => canonical(before[name] ?? null) !== canonical(after[name] ?? null),
  );
}

/** An object, or the only one of a list. */
function objectIn(value: JsonValue) {
  const [first, ...others] = Array.isArray(value) ? value : [value];
  return others.length === 0 && isObject(first) ? first : undefined;
}

/** JSON whose texts are the same when the values are. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: JsonValue) =>
    isObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a version does, as indented JSON: for a comparison where one of two has no file. */
export function jsonOf(version: WorkflowVersion): string {
  const json = toJson(WorkflowVersionSchema, version);
  const shown = isObject(json) ? [...OF_VERSION, "steps", "edges"] : [];
  const chosen = shown.map((name) => [name, isObject(json) ? json[name] : undefined]);
  return JSON.stringify(Object.fromEntries(chosen), undefined, 2);
}
