/**
 * The schema that a human task's output must keep (config.output_schema, JSON Schema 2020-12, or 7 where it says so).
 * Boundary: nothing is fetched; a schema may refer to its own parts only.
 * Invariants:
 * O1 A check costs a bounded time: schemas are small and not recursive, size of schema times output is bounded,
 *    patterns are linear-time ones.
 * O2 What passes findSchemaProblem compiles.
 */
import { Ajv } from "ajv";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { FuelSpentError, fillTank, withTank } from "../../engine/expression/fuel.ts";
import { findRegexProblem, matchesRegex } from "../../engine/expression/regex.ts";
import {
  canonicalJson,
  isJsonObject,
  type Json,
  type JsonObject,
  jsonSizeBytes,
  ownValue,
} from "../../engine/json.ts";
import type { FieldFault } from "../../runtime/refusal.ts";

const MAX_NODES = 2_000;
const MAX_NODES_TIMES_BYTES = 20_000_000;
const MAX_FAULTS = 50;
const DRAFT_7 = /draft-0[67]/;
const OUTPUT = "output_payload";

const OPTIONS = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  addUsedSchema: false,
  logger: false,
  code: { regExp: Object.assign(linearRegex, { code: "linearRegex" }) },
} as const;

const newest = withLinearUnique(new Ajv2020(OPTIONS));
const draft7 = withLinearUnique(new Ajv(OPTIONS));
// By the schema's own object: graphs are kept and shared, and the entry goes with its graph.
const compiled = new WeakMap<JsonObject, { check: ValidateFunction; nodes: number }>();

/** Why a schema cannot be used, as a sentence; undefined when it can. */
export function findSchemaProblem(schema: JsonObject): string | undefined {
  try {
    compile(schema);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `is no usable JSON Schema: ${why}`;
  }
}

/** What is wrong with an output by its schema, by field path; a schema must have passed findSchemaProblem. */
export function findOutputFaults(schema: JsonObject, output: JsonObject): FieldFault[] {
  const { check, nodes } = compile(schema);
  const bytes = jsonSizeBytes(output);
  if (nodes * bytes > MAX_NODES_TIMES_BYTES) {
    const description = `has ${bytes} bytes, too many to be checked by a schema of ${nodes} parts`;
    return [{ field: OUTPUT, description }];
  }
  try {
    const fits = withTank(fillTank(), () => check(output));
    return fits ? [] : (check.errors ?? []).slice(0, MAX_FAULTS).map(toFault);
  } catch (error) {
    if (!(error instanceof FuelSpentError)) throw error;
    return [{ field: OUTPUT, description: "is too large for the patterns of its schema" }];
  }
}

function compile(schema: JsonObject): { check: ValidateFunction; nodes: number } {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const nodes = countNodes(schema);
  const named = ownValue(schema, "$schema");
  const ajv = typeof named === "string" && DRAFT_7.test(named) ? draft7 : newest;
  try {
    // The draft's own schema checks names by patterns, so this burns fuel too.
    const made = { check: withTank(fillTank(), () => ajv.compile(schema)), nodes };
    compiled.set(schema, made);
    return made;
  } finally {
    // The instance would keep every schema for ever; the function needs it no more.
    ajv.removeSchema(schema);
  }
}

/** Parts of a schema with every reference written out; throws when there are too many, or a cycle. */
function countNodes(root: JsonObject): number {
  let nodes = 0;
  const open = new Set<string>();
  const visit = (part: Json): void => {
    nodes += 1;
    if (nodes > MAX_NODES) throw new Error(`it has more than ${MAX_NODES} parts`);
    if (Array.isArray(part)) for (const item of part) visit(item);
    if (!isJsonObject(part)) return;
    for (const [key, value] of Object.entries(part)) {
      if (key === "$dynamicRef" || key === "$recursiveRef") throw new Error(`${key} is not taken`);
      if (key === "$ref" && typeof value === "string") follow(value);
      else visit(value);
    }
  };
  const follow = (pointer: string): void => {
    if (open.has(pointer)) throw new Error(`${pointer} refers to itself`);
    open.add(pointer);
    visit(partAt(root, pointer));
    open.delete(pointer);
  };
  visit(root);
  return nodes;
}

function partAt(root: JsonObject, pointer: string): Json {
  if (pointer === "#") throw new Error("# refers to itself");
  if (!pointer.startsWith("#/")) throw new Error(`${pointer} is not a reference within the schema`);
  let part: Json | undefined = root;
  for (const token of pointer.slice(2).split("/")) {
    const key = decodeToken(token);
    if (Array.isArray(part)) part = part[Number(key)];
    else part = isJsonObject(part) ? ownValue(part, key) : undefined;
  }
  if (part === undefined) throw new Error(`${pointer} refers to nothing`);
  return part;
}

function decodeToken(token: string): string {
  return decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
}

function linearRegex(pattern: string) {
  const problem = findRegexProblem(pattern);
  if (problem !== undefined) throw new Error(problem);
  return { test: (text: string) => matchesRegex(text, pattern) };
}

/** Ajv compares every item with every other one, which a long list makes slow. */
function withLinearUnique<Instance extends Ajv | Ajv2020>(ajv: Instance): Instance {
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    validate: (wanted: boolean, items: Json[]) =>
      !wanted || new Set(items.map(canonicalJson)).size === items.length,
    error: { message: "must NOT have items that are equal" },
  });
  return ajv;
}

function toFault({ instancePath, message, params }: ErrorObject): FieldFault {
  const tokens = instancePath.split("/").slice(1).map(decodeToken);
  const path = tokens.map((token) => (/^\d+$/.test(token) ? `[${token}]` : `.${token}`)).join("");
  const extra: unknown = Reflect.get(params, "additionalProperty");
  const named = typeof extra === "string" ? ` (${extra})` : "";
  return {
    field: `${OUTPUT}${path}`,
    description: `${message ?? "does not fit its schema"}${named}`,
  };
}
