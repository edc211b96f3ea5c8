/**
 * The text of a scenario: a title and what it shows, the version, and the script with its transcript.
 * Boundary: text in, values out, and back, and the process that a scenario names; what the lines of a script mean is
 * scenario-happening.ts.
 *
 * A file has three parts, parted by `--- version` and `--- script`. Instead of the version it may name one of
 * testdata/processes: `--- process travel-booking.json`. Before the script other workflows may stand, which the runs start
 * by their names: `--- workflow pay` with the version below, or `--- workflow pay pay-by-card.json`. In the script a line
 * that begins with `>` is a happening (`> in pay …` one of that child run), one that begins with `#` a remark, and every
 * other line belongs to the transcript of the happening above it.
 * `"<9 chars>"` and `"<9 deep>"` stand for a long text and for an object nested 9 levels deep.
 */
import { readFileSync } from "node:fs";
import { fromJson } from "@bufbuild/protobuf";
import { PublishVersionRequestSchema } from "../../../gen/workflows/v1/workflows_pb.ts";
import { checkVersion } from "../../../src/engine/graph/check.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import { canonicalJson, isJsonObject, type Json } from "../../../src/engine/values/json.ts";
import { readVersionSpec } from "../../../src/wire/definitions.ts";

/** A line of a script with the transcript below it. */
export type ScriptItem =
  | { readonly kind: "remark"; readonly text: string }
  | { readonly kind: "happening"; readonly text: string; readonly expected: readonly string[] };

/** The other workflows of a scenario by their names. */
export type OtherVersions = ReadonlyMap<string, VersionSpec>;

/** A scenario as it stands in its file. */
export interface Scenario {
  /** Everything before the script, as it stands. */
  readonly head: string;
  readonly title: string;
  readonly spec: VersionSpec;
  readonly others: OtherVersions;
  readonly items: readonly ScriptItem[];
}

const SCRIPT = "\n--- script\n";
const PART =
  /\n--- (version|process|workflow)(?: ([a-z-]+)(?= |\n|$))?(?: ([a-z-]+\.json))?(?=\n|$)/;
const PROCESSES = new URL("../../../testdata/processes/", import.meta.url);

/** Reads a scenario. Throws on a version that has faults and on a transcript without a happening. */
export function parseScenario(text: string): Scenario {
  const [head = "", script] = text.split(SCRIPT);
  const [intro = "", ...parts] = head.split(PART);
  const others = new Map<string, VersionSpec>();
  let spec: VersionSpec | undefined;
  // Each part is split into its kind, its name, its file and what stands below.
  for (let at = 0; at + 3 < parts.length; at += 4) {
    const [kind, name = "", file, below = ""] = parts.slice(at, at + 4);
    const version = parseVersion(file === undefined ? below : readProcess(file));
    if (kind === "workflow") others.set(name, version);
    else spec = version;
  }
  if (script === undefined || spec === undefined) throw new Error("a part is missing");
  const [title = ""] = intro.split("\n");
  return { head, title, spec, others, items: parseScript(script) };
}

function readProcess(file: string): string {
  return readFileSync(new URL(file, PROCESSES), "utf8");
}

/** The text of a scenario with these items; items without transcripts are written as they are. */
export function formatScenario(head: string, items: readonly ScriptItem[]): string {
  const lines = items.flatMap((item, place) => {
    const above = items[place - 1];
    const opens = item.kind === "remark" || opensRun(item.text);
    const gap = opens && above?.kind === "happening" ? [""] : [];
    if (item.kind === "remark") return [...gap, `# ${item.text}`.trimEnd()];
    return [...gap, `> ${item.text}`, ...item.expected];
  });
  return `${head}${SCRIPT}${lines.join("\n")}\n`;
}

/** Whether a happening begins another run of the script: `start` and `arrive` do. */
export function opensRun(text: string): boolean {
  return text.startsWith("start") || text.startsWith("arrive");
}

function parseVersion(text: string): VersionSpec {
  const json = expandMacros(JSON.parse(text) as Json);
  const { spec, faults } = readVersionSpec(fromJson(PublishVersionRequestSchema, json));
  const all = [...faults, ...checkVersion(spec)];
  if (all.length > 0) throw new Error(`the version has faults: ${JSON.stringify(all)}`);
  return spec;
}

function parseScript(text: string): ScriptItem[] {
  const items: ({ kind: "remark"; text: string } | (ScriptItem & { expected: string[] }))[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const last = items.at(-1);
    if (line.startsWith("#")) items.push({ kind: "remark", text: line.slice(1).trim() });
    else if (line.startsWith(">")) {
      items.push({ kind: "happening", text: line.slice(1).trim(), expected: [] });
    } else if (last?.kind === "happening") last.expected.push(line);
    else throw new Error(`no happening stands above the line: ${line}`);
  }
  return items;
}

const MACRO = /^<(\d+) (chars|deep)>$/;
const SHOWN_CHARS = 1_000;

/** Puts long texts and deep objects where a value names them. */
export function expandMacros(value: Json): Json {
  if (Array.isArray(value)) return value.map(expandMacros);
  if (isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, expandMacros(v)]));
  }
  const macro = typeof value === "string" ? MACRO.exec(value) : null;
  if (macro === null) return value;
  const size = Number(macro[1]);
  if (macro[2] === "chars") return "x".repeat(size);
  let nested: Json = {};
  for (let depth = 1; depth < size; depth += 1) nested = { d: nested };
  return nested;
}

/** A value as one line: keys sorted, long texts named by their length. */
export function showJson(value: Json): string {
  return canonicalJson(shorten(value));
}

function shorten(value: Json): Json {
  if (Array.isArray(value)) return value.map(shorten);
  if (isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, shorten(v)]));
  }
  const long = typeof value === "string" && value.length > SHOWN_CHARS;
  return long ? `<${value.length} chars>` : value;
}
