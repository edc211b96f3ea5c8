/**
 * The schema that a human task's output must keep (config.output_schema), or a run's input (input-schema.ts): JSON Schema 2020-12, or the draft that it names.
 * Boundary: nothing is fetched; a schema may refer to its own parts only.
 * Invariants:
 * O1 A check costs a bounded time: schemas are small and not recursive, size of schema times output is bounded,
 *    patterns are linear-time ones.
 * O2 What passes findSchemaProblem compiles; a schema that an older release took is compiled as well.
 */
import { Ajv } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { FuelSpentError, withTank } from "../../engine/expression/fuel.ts";
import {
  canonicalJson,
  type Json,
  type JsonObject,
  jsonSizeBytes,
  ownValue,
} from "../../engine/values/json.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { FORMATS } from "./schema-formats.ts";
import { countNodes, decodeToken } from "./schema-parts.ts";
import { linearPattern } from "./schema-patterns.ts";

const MAX_NODES_TIMES_BYTES = 20_000_000;
const MAX_FAULTS = 50;
const MAX_PATTERN_INSTRUCTIONS = 20_000;
/** A check of an output: some 50 ms at the most. */
const CHECK_UNITS = 5_000_000;
const OUTPUT = "output_payload";

/** The drafts that are taken, by the end of their `$schema`; the first one where a schema names none. */
const DRAFTS = [
  { name: "draft/2020-12/schema", Class: Ajv2020 },
  { name: "draft/2019-09/schema", Class: Ajv2019 },
  { name: "draft-07/schema", Class: Ajv },
  // The newer one has all that it has.
  { name: "draft-06/schema", Class: Ajv },
] as const;
type AjvClass = (typeof DRAFTS)[number]["Class"];
const SITE = /^https?:\/\/json-schema\.org\//;

const STRICTNESS = { strict: false, allErrors: true, logger: false } as const;
const byClass = new Map<AjvClass, Ajv | Ajv2019 | Ajv2020>();
// By the schema's own object: graphs are kept and shared, and the entry goes with its graph.
const compiled = new WeakMap<JsonObject, { check: ValidateFunction; nodes: number }>();

/** Why a schema cannot be used, as a sentence; undefined when it can. */
export function findSchemaProblem(schema: JsonObject): string | undefined {
  try {
    requireDraft(schema);
    countNodes(schema, requireFormat);
    requireValid(schema);
    compile(schema);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `is no usable JSON Schema: ${why}`;
  }
}

/** What is wrong with an output by its schema, by path below `field`; a schema must have passed findSchemaProblem. */
export function findOutputFaults(
  schema: JsonObject,
  output: JsonObject,
  field = OUTPUT,
): FieldFault[] {
  const { check, nodes } = compile(schema);
  const bytes = jsonSizeBytes(output);
  if (nodes * bytes > MAX_NODES_TIMES_BYTES) {
    const description = `has ${bytes} bytes, too many to be checked by a schema of ${nodes} parts`;
    return [{ field, description }];
  }
  try {
    const fits = withTank({ left: CHECK_UNITS, work: 0 }, () => check(output));
    const errors = fits ? [] : (check.errors ?? []).slice(0, MAX_FAULTS);
    return errors.map((error) => toFault(error, field));
  } catch (error) {
    if (!(error instanceof FuelSpentError)) throw error;
    return [{ field, description: "is too large for the patterns of its schema" }];
  }
}

function requireDraft(schema: JsonObject): void {
  const named = ownValue(schema, "$schema");
  if (named === undefined || findDraft(named) !== undefined) return;
  const taken = DRAFTS.map(({ name }) => name.replace(/^draft\/|\/schema$/g, "")).join(", ");
  throw new Error(`$schema ${JSON.stringify(named)} is not taken: the drafts are ${taken}`);
}

function findDraft(named: Json) {
  if (typeof named !== "string" || !SITE.test(named)) return undefined;
  const path = named.replace(SITE, "").replace(/#$/, "");
  return DRAFTS.find(({ name }) => name === path);
}

function classOf(schema: JsonObject): AjvClass {
  return findDraft(ownValue(schema, "$schema") ?? null)?.Class ?? Ajv2020;
}

/** Compares a schema with the schema of its draft. */
function requireValid(schema: JsonObject): void {
  const Class = classOf(schema);
  const ajv = byClass.get(Class) ?? new Class({ ...STRICTNESS, validateFormats: false });
  byClass.set(Class, ajv);
  const { $schema: _, ...unnamed } = schema;
  if (ajv.validateSchema(unnamed) === true) return;
  const problems = (ajv.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath} ${message}`,
  );
  throw new Error([...new Set(problems)].slice(0, 3).join(", ").trim());
}

function requireFormat(format: string): void {
  if (Object.hasOwn(FORMATS, format)) return;
  const known = Object.keys(FORMATS).join(", ");
  throw new Error(`format ${JSON.stringify(format)} is not known: the formats are ${known}`);
}

function compile(schema: JsonObject): { check: ValidateFunction; nodes: number } {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  // An instance keeps every schema and pattern it ever saw: each schema has one of its own, which its function lets go.
  const ajv = new (classOf(schema))({
    ...STRICTNESS,
    formats: FORMATS,
    meta: false,
    validateSchema: false,
    addUsedSchema: false,
    code: { regExp: Object.assign(patternsWithin(MAX_PATTERN_INSTRUCTIONS), { code: "linear" }) },
  });
  const made = { nodes: countNodes(schema), check: withLinearUnique(ajv).compile(schema) };
  compiled.set(schema, made);
  return made;
}

/** Reads patterns until they are too large together. */
function patternsWithin(instructions: number) {
  let left = instructions;
  return (pattern: string) => {
    const read = linearPattern(pattern);
    left -= read.instructions;
    if (left < 0)
      throw new Error(`its patterns have more than ${instructions} instructions together`);
    return read;
  };
}

/** Ajv compares every item with every other one, which a long list makes slow. */
function withLinearUnique<Instance extends Ajv | Ajv2019 | Ajv2020>(ajv: Instance): Instance {
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

function toFault({ instancePath, message, params }: ErrorObject, field: string): FieldFault {
  const tokens = instancePath.split("/").slice(1).map(decodeToken);
  const path = tokens.map((token) => (/^\d+$/.test(token) ? `[${token}]` : `.${token}`)).join("");
  const extra: unknown = Reflect.get(params, "additionalProperty");
  const named = typeof extra === "string" ? ` (${extra})` : "";
  return {
    field: `${field}${path}`,
    description: `${message ?? "does not fit its schema"}${named}`,
  };
}
