/**
 * A version → a workflow file, in YAML or JSON.
 * Boundary: pure. A file that is written is read again: one that would compile to another version is written with `edges:`.
 * Invariant: a version that may be published gives a file that compiles to it, the order of its steps and edges included.
 */
import { Document, isMap, isScalar, isSeq, Scalar, visit, type YAMLMap } from "yaml";
import type { EdgeDefinition, VersionSpec } from "../engine/values/definition.ts";
import { canonicalJson, type Json } from "../engine/values/json.ts";
import { writeDuration } from "./durations.ts";
import { type Layout, layOut } from "./layout.ts";
import { compileWritten, type WorkflowFile } from "./read-file.ts";
import { writeShortSchema } from "./short-schema.ts";
import { type WrittenPaths, writePaths } from "./write-paths.ts";
import { type Written, writeRetry, writeStep } from "./write-step.ts";
import { writeTrigger } from "./write-trigger.ts";

/** The file as YAML text. */
export function writeWorkflowYaml(workflow: WorkflowFile): string {
  return toYaml(writeWorkflow(workflow));
}

/** The file as JSON text: what the YAML says. */
export function writeWorkflowJson(workflow: WorkflowFile): string {
  return `${jsonText(writeWorkflow(workflow), "\n")}\n`;
}

function writeWorkflow(workflow: WorkflowFile): Map<string, Written> {
  const { spec } = workflow;
  for (const inline of [true, false]) {
    const layout = layOut(spec, inline);
    const paths = writePaths(spec, layout);
    if (paths === undefined) continue;
    const written = writeRoot(workflow, layout, paths);
    if (isSameVersion(written, spec)) return written;
  }
  return writeRoot(workflow, layOut(spec, false), undefined);
}

function isSameVersion(written: Map<string, Written>, spec: VersionSpec): boolean {
  const compiled = compileWritten(toYaml(written));
  return compiled !== undefined && textOf(compiled) === textOf(spec);
}

/** One text for equal versions. */
function textOf(spec: VersionSpec): string {
  return canonicalJson(JSON.parse(JSON.stringify(spec)) as Json);
}

/** Without `paths` all edges are listed. */
function writeRoot(
  { name, description, tags, inputSchema, spec }: WorkflowFile,
  layout: Layout,
  paths: WrittenPaths | undefined,
): Map<string, Written> {
  const root = new Map<string, Written>([["workflow", name]]);
  if (description !== "") root.set("description", description);
  if (tags.length > 0) root.set("tags", [...tags]);
  if (spec.author !== "") root.set("author", spec.author);
  const trigger: Written | undefined = writeTrigger(spec.trigger);
  if (trigger !== undefined) root.set("on", trigger);
  if (inputSchema !== undefined) root.set("input", writeShortSchema(inputSchema) ?? inputSchema);
  if (spec.timeoutSeconds !== 0) root.set("timeout", writeDuration(spec.timeoutSeconds));
  if (spec.defaultRetryPolicy !== undefined) root.set("retry", writeRetry(spec.defaultRetryPolicy));
  const steps = new Map<string, Written>();
  for (const index of layout.top) {
    steps.set(spec.steps[index]?.id ?? "", writePlaced(index, { spec, layout, paths }));
  }
  root.set("steps", steps);
  if (paths === undefined) root.set("edges", spec.edges.map(writeEdge));
  return root;
}

interface Placing {
  readonly spec: VersionSpec;
  readonly layout: Layout;
  readonly paths: WrittenPaths | undefined;
}

/** A step with its `undo:` and its inline children. */
function writePlaced(index: number, placing: Placing): Map<string, Written> {
  const { spec, layout, paths } = placing;
  const step = spec.steps[index];
  if (step === undefined) return new Map();
  const { keys } = writeStep(step);
  const undo = layout.undoOf.get(index);
  if (undo !== undefined) {
    const inner = writePlaced(undo, placing);
    const undoId = spec.steps[undo]?.id ?? "";
    const id: [string, Written][] = undoId === `undo-${step.id}` ? [] : [["id", undoId]];
    keys.set("undo", new Map<string, Written>([...id, ...inner]));
  } else if (step.compensationStepId !== "") keys.set("undo", step.compensationStepId);
  const children = layout.childrenOf.get(index);
  for (const [key, value] of paths?.[index] ?? []) {
    // Keys keep the place of their first value: paths stand in the order of their edges.
    if (key === "parallel" || key === "branch") keys.delete(key);
    keys.set(
      key,
      key === "parallel" && children !== undefined ? inlineChildren(children, placing) : value,
    );
  }
  return kindFirst(keys);
}

function inlineChildren(children: readonly number[], placing: Placing): Map<string, Written> {
  return new Map(
    children.map((child) => [placing.spec.steps[child]?.id ?? "", writePlaced(child, placing)]),
  );
}

/** `parallel` and `branch` say what a step does; they stand first where their edges do. */
function kindFirst(keys: Map<string, Written>): Map<string, Written> {
  const paths = ["next", "on", "then", "else", "parallel", "branch"];
  const first = [...keys.keys()].find((key) => paths.includes(key));
  if (first !== "parallel" && first !== "branch") return keys;
  const value = keys.get(first) ?? null;
  const name = [...keys].filter(([key]) => key === "name");
  const others = [...keys].filter(([key]) => key !== first && key !== "name");
  return new Map([...name, [first, value], ...others]);
}

function writeEdge({ fromStepId, toStepId, label, conditionExpr }: EdgeDefinition): Json {
  return {
    from: fromStepId,
    to: toStepId,
    ...(label === "" ? {} : { label }),
    ...(conditionExpr === "" ? {} : { when: conditionExpr }),
  };
}

/** Keys stand in their order, also those that look like numbers, which an object would sort. */
function jsonText(value: Written, newLine: string): string {
  const inner = `${newLine}  `;
  if (value instanceof Map) {
    const fields = [...value].map(
      ([key, each]) => `${JSON.stringify(key)}: ${jsonText(each, inner)}`,
    );
    return fields.length === 0 ? "{}" : `{${inner}${fields.join(`,${inner}`)}${newLine}}`;
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => jsonText(item, inner));
    return items.length === 0 ? "[]" : `[${inner}${items.join(`,${inner}`)}${newLine}]`;
  }
  return JSON.stringify(value, null, 2).replaceAll("\n", newLine);
}

/** Keys whose values stand on one line where they fit. */
const ON_ONE_LINE: ReadonlySet<string> = new Set([
  "retry",
  "escalate",
  "on",
  "then",
  "output",
  "run",
  "wait",
]);
const NESTED_ON_ONE_LINE: ReadonlySet<string> = new Set(["escalate", "run", "wait"]);
const ONE_LINE_CHARS = 70;

/** YAML with blank lines between steps, and with short lists and mappings on one line. */
function toYaml(root: Map<string, Written>): string {
  const document = new Document(root, { aliasDuplicateObjects: false });
  if (isMap(document.contents)) {
    for (const pair of document.contents.items) {
      const key = isScalar(pair.key) ? pair.key : undefined;
      if (key === undefined) continue;
      if (key.value === "steps" || key.value === "edges") key.spaceBefore = true;
      if (key.value === "steps" && isMap(pair.value)) layOutSteps(pair.value);
      else if (key.value === "edges" && isSeq(pair.value)) {
        for (const item of pair.value.items) if (isMap(item)) item.flow = true;
      } else toOneLine(String(key.value), pair.value);
    }
  }
  visit(document, {
    Scalar(role, scalar) {
      // Without quotes other readers merge it, and a workflow file refuses it.
      if (role === "key" && scalar.value === "<<") scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true, nullStr: "" });
}

function layOutSteps(steps: YAMLMap): void {
  for (const [at, { key, value }] of steps.items.entries()) {
    if (isScalar(key)) key.spaceBefore = at > 0;
    if (isMap(value)) layOutStep(value);
  }
}

function layOutStep(step: YAMLMap): void {
  for (const { key, value } of step.items) {
    const name = isScalar(key) ? String(key.value) : "";
    if (name === "then" && isMap(value)) plainKeys(value);
    if (name === "undo" && isMap(value)) layOutStep(value);
    else if (name === "parallel" && isMap(value)) {
      for (const child of value.items) if (isMap(child.value)) layOutStep(child.value);
    } else toOneLine(name, value);
  }
}

function toOneLine(key: string, value: unknown): void {
  if (!isSeq(value) && !(isMap(value) && ON_ONE_LINE.has(key))) return;
  const json = JSON.stringify(value);
  const isFlat = !/[[{]/.test(json.slice(1)) || NESTED_ON_ONE_LINE.has(key);
  if (isFlat && json.length <= ONE_LINE_CHARS && !json.includes("\\")) value.flow = true;
}

/** `true: manager` instead of `"true": manager`: a key is read as it is written. */
function plainKeys(then: YAMLMap): void {
  for (const pair of then.items) {
    if (!isScalar(pair.key)) continue;
    if (pair.key.value === "true" || pair.key.value === "false") {
      pair.key = new Scalar(pair.key.value === "true");
    }
  }
}
