/**
 * A workflow file → the definition and the version that it describes.
 * Boundary: pure; the bytes come from the caller, and what is made of the version too.
 * Invariant: a file without faults passes the engine's check, which is the one of PublishVersion.
 */
import { checkVersion } from "../engine/graph/check.ts";
import type { VersionSpec } from "../engine/values/definition.ts";
import { type Json, type JsonObject, putValue } from "../engine/values/json.ts";
import { draftSteps, type StepDraft } from "./drafts.ts";
import { FaultList, type FileFault, Lines, type Place, placeOf } from "./faults.ts";
import {
  type Entry,
  type FileNode,
  findEntry,
  keyPlace,
  type MappingNode,
  toJson,
} from "./nodes.ts";
import { parseNodes } from "./parse.ts";
import { readPaths } from "./paths.ts";
import { Places } from "./places.ts";
import { readStep } from "./read-step.ts";
import { readTrigger } from "./read-trigger.ts";
import { type Reading, readRetry, readSeconds, readText, unknownKey } from "./read-values.ts";
import { readShortSchema } from "./short-schema.ts";
import { readSourceText } from "./source-text.ts";
import { NEEDS } from "./step-keys.ts";
import { findWarnings } from "./warnings.ts";

/** What a file describes. */
export interface WorkflowFile {
  /** The definition's name. */
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** The JSON Schema of a run's input. The version does not hold it. */
  readonly inputSchema?: Json;
  readonly spec: VersionSpec;
}

/** What a file says, with faults too: it is drawn, and never runs. */
interface Sketch {
  readonly name: string;
  readonly spec: VersionSpec;
  /** In the order of `spec.steps`. */
  readonly drafts: readonly StepDraft[];
  /** The values of the file's keys without its steps. */
  readonly head: JsonObject;
  readonly inputSchema?: Json;
}

/** A file that was read: with faults there is no workflow. */
export interface ReadFile {
  readonly workflow?: WorkflowFile;
  /** Unset: the file cannot be read as YAML, or has no steps. */
  readonly sketch?: Sketch;
  /** The text without a mark of the byte order; "" for a file that is no text. */
  readonly text: string;
  readonly faults: readonly FileFault[];
  /** What is allowed and often a mistake. */
  readonly warnings: readonly FileFault[];
  /** The place of a field of the version by its name on the wire (`steps[3].config.title`). */
  readonly locate: (field: string) => Omit<FileFault, "message">;
}

const START = { path: "", line: 1, column: 1 };

/** The keys of a file, in the order in which they are written. */
export const FILE_KEYS: readonly string[] = [
  ...[
    "workflow",
    "description",
    "tags",
    "author",
    "on",
    "input",
    "timeout",
    "retry",
    "steps",
    "edges",
  ],
];

/** Reads YAML or JSON. */
export function readWorkflowFile(bytes: Uint8Array): ReadFile {
  const source = readSourceText(bytes);
  if (!source.ok) return { text: "", faults: [source.fault], warnings: [], locate: () => START };
  const lines = new Lines(source.text);
  const reading = { faults: new FaultList(lines), places: new Places() };
  const root = parseNodes(source.text, reading.faults);
  const read = root === undefined ? undefined : readRoot(root, reading);
  const { workflow, sketch } = read ?? {};
  const locate = (field: string) => {
    const place = reading.places.find(field);
    return place === undefined ? START : { path: place.path, ...lines.placeOf(place.offset) };
  };
  if (workflow === undefined || reading.faults.faults.length > 0) {
    const found = sketch === undefined ? {} : { sketch };
    return { text: source.text, ...found, faults: reading.faults.sorted(), warnings: [], locate };
  }
  const warnings = new FaultList(lines);
  findWarnings(workflow.spec, { faults: warnings, places: reading.places });
  const { text } = source;
  const found = { workflow, ...(sketch === undefined ? {} : { sketch }) };
  return { ...found, text, faults: [], warnings: warnings.sorted(), locate };
}

/** The version of a text that was written from a version, without the engine's check; undefined with faults. */
export function compileWritten(text: string): VersionSpec | undefined {
  const reading = { faults: new FaultList(new Lines(text)), places: new Places() };
  const root = parseNodes(text, reading.faults);
  const read = root?.kind === "mapping" ? readSpec(root, reading) : undefined;
  return reading.faults.faults.length === 0 ? read?.spec : undefined;
}

function readRoot(
  root: FileNode,
  reading: Reading,
): { readonly workflow: WorkflowFile; readonly sketch: Sketch } | undefined {
  const { faults } = reading;
  if (root.kind !== "mapping") {
    faults.add(
      placeOf(root),
      "a workflow file is a mapping that begins with `workflow: NAME` and has `steps:`",
    );
    return undefined;
  }
  for (const entry of root.entries) {
    if (!FILE_KEYS.includes(entry.key)) {
      faults.add(keyPlace(entry), unknownKey(entry.key, "a workflow file", FILE_KEYS));
    }
  }
  const name = readName(root, reading);
  const read = readSpec(root, reading);
  if (read !== undefined) checkSpec(read.spec, placeOf(root), reading);
  const input = findEntry(root, "input");
  if (read === undefined) return undefined;
  const { spec, drafts } = read;
  const schema = input === undefined ? {} : { inputSchema: readInput(input, reading) };
  const description = textOf(root, "description", reading);
  const tags = readTags(findEntry(root, "tags"), reading);
  return {
    workflow: { name, description, tags, ...schema, spec },
    sketch: { name, spec, drafts, head: headOf(root), ...schema },
  };
}

function headOf(root: MappingNode): JsonObject {
  const head: JsonObject = {};
  for (const { key, value } of root.entries) {
    if (key !== "steps" && key !== "edges") putValue(head, key, toJson(value));
  }
  return head;
}

function readName(root: MappingNode, { faults, places }: Reading): string {
  const entry = findEntry(root, "workflow");
  if (entry === undefined) {
    faults.add(
      { path: "", offset: 0 },
      "the file does not name its workflow: write `workflow: NAME`",
    );
    return "";
  }
  const { value } = entry;
  places.set("name", value);
  const name = readText(value, faults);
  const isText = value.kind === "scalar" && (value.value === null || value.value === name);
  if (isText && name.trim() === "")
    faults.add(keyPlace(entry), "the name of the workflow is empty");
  return name;
}

function readSpec(
  root: MappingNode,
  reading: Reading,
): { readonly spec: VersionSpec; readonly drafts: readonly StepDraft[] } | undefined {
  const { faults, places } = reading;
  const stepsEntry = findEntry(root, "steps");
  if (stepsEntry === undefined) {
    faults.add(
      { path: "", offset: 0 },
      "the file has no steps: write `steps:` and the steps below it",
    );
    return undefined;
  }
  places.set("steps", keyPlace(stepsEntry));
  const drafts = draftSteps(stepsEntry.value, faults);
  const steps = drafts.map((draft, index) => readStep(draft, index, reading));
  const edges = findEntry(root, "edges");
  places.set("edges", keyPlace(edges ?? stepsEntry));
  const timeout = findEntry(root, "timeout");
  if (timeout !== undefined) places.set("timeout_seconds", timeout.value);
  const retry = findEntry(root, "retry");
  const spec = {
    steps,
    edges: readPaths(drafts, steps, edges, reading),
    trigger: readTrigger(findEntry(root, "on"), reading),
    timeoutSeconds: timeout === undefined ? 0 : readSeconds(timeout.value, faults),
    author: textOf(root, "author", reading),
    ...(retry === undefined
      ? {}
      : { defaultRetryPolicy: readRetry(retry.value, "default_retry_policy", reading) }),
  };
  return { spec, drafts };
}

function textOf(root: MappingNode, key: string, { faults, places }: Reading): string {
  const entry = findEntry(root, key);
  if (entry === undefined) return "";
  places.set(key, entry.value);
  return readText(entry.value, faults);
}

function readTags(entry: Entry | undefined, { faults, places }: Reading): string[] {
  if (entry === undefined) return [];
  places.set("tags", entry.value);
  if (entry.value.kind === "list") return entry.value.items.map((item) => readText(item, faults));
  faults.add(placeOf(entry.value), "tags must be a list of texts");
  return [];
}

function readInput(entry: Entry, { faults, places }: Reading): Json {
  places.set("input", entry.value);
  const schema = readShortSchema(toJson(entry.value));
  if (entry.value.kind !== "mapping") {
    faults.add(
      placeOf(entry.value),
      "input must be a JSON Schema, or a mapping of names to types such as `amount: number`",
    );
  }
  return schema;
}

/** The engine's faults, each at its place. Those that follow from a fault of the file are left out. */
function checkSpec(spec: VersionSpec, root: Place, { faults, places }: Reading): void {
  const broken = [...faults.faults];
  for (const { field, description } of checkVersion(spec)) {
    const place = places.find(field) ?? root;
    if (broken.some((fault) => isNear(fault.path, place.path))) continue;
    faults.add(place, inOwnWords(spec, field, description));
  }
}

/** What a step lacks stands nowhere in the file, so its words are those that it is to be written with. */
function inOwnWords({ steps }: VersionSpec, field: string, description: string): string {
  const [, index] = /^steps\[(\d+)\]/.exec(field) ?? [];
  const type = /^an? [A-Z_]+ needs /.test(description) && steps[Number(index)]?.stepType;
  return (type && type !== "UNSPECIFIED" && NEEDS[type]) || description;
}

/** Whether a fault of the file can be the cause of one at another path: in the same part, or where the graph is described. */
function isNear(fault: string, path: string): boolean {
  const [owner, part] = [partOf(fault), partOf(path)];
  return owner === "" || owner === part || (part === "" && owner.startsWith("steps."));
}

/** The step or the key of the file that a path is in; "" for the file as a whole and for all that makes the graph. */
function partOf(path: string): string {
  const [part = ""] = /^(steps\.)?[^.[]*/.exec(path) ?? [];
  return part === "steps" || part === "edges" ? "" : part;
}
