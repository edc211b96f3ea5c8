/** Schemas of human tasks: which are taken, what they find, and that a check ends soon. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/engine/json.ts";
import { findOutputFaults, findSchemaProblem } from "../../src/ingress/rpc/output-schema.ts";

const fieldsOf = (schema: JsonObject, output: JsonObject) =>
  findOutputFaults(schema, output).map(({ field }) => field);

test("faults have the path of their field", () => {
  const schema: JsonObject = {
    properties: {
      a: { items: { required: ["n"], properties: { n: { type: "integer", minimum: 1 } } } },
      when: { type: "string", format: "date" },
    },
  };
  expect(findSchemaProblem(schema)).toBeUndefined();
  expect(fieldsOf(schema, { a: [{ n: 1 }, {}, { n: 0.5 }], when: "no date" })).toEqual([
    "output_payload.a[1]",
    "output_payload.a[2].n",
    "output_payload.a[2].n",
  ]);
  expect(fieldsOf(schema, { a: [{ n: 1 }] })).toEqual([]);
});

test("references within the schema, of both drafts", () => {
  const newest = { $defs: { n: { type: "number" } }, properties: { a: { $ref: "#/$defs/n" } } };
  const draft7 = {
    $schema: "http://json-schema.org/draft-07/schema#",
    definitions: { n: { type: "number" } },
    properties: { a: { items: [{ $ref: "#/definitions/n" }] } },
  };
  expect([findSchemaProblem(newest), findSchemaProblem(draft7)]).toEqual([undefined, undefined]);
  expect(fieldsOf(newest, { a: "x" })).toEqual(["output_payload.a"]);
  expect(fieldsOf(draft7, { a: ["x"] })).toEqual(["output_payload.a[0]"]);
});

test("two schemas of the same $id", () => {
  const one = { $id: "https://example.com/s", required: ["a"] };
  const two = { $id: "https://example.com/s", required: ["b"] };
  expect([findSchemaProblem(one), findSchemaProblem(two)]).toEqual([undefined, undefined]);
  expect(findOutputFaults(one, { b: 1 })).toHaveLength(1);
  expect(findOutputFaults(two, { b: 1 })).toEqual([]);
});

describe("schemas that are not taken", () => {
  /** Each part refers twice to the next one: 2^20 parts once written out. */
  const doubling: JsonObject = { $ref: "#/$defs/d0", $defs: {} };
  const defs: JsonObject = {};
  for (let n = 0; n < 20; n++) {
    const next = { $ref: `#/$defs/d${n + 1}` };
    defs[`d${n}`] = { anyOf: [{ properties: { a: next } }, { properties: { a: next } }] };
  }
  defs.d20 = { type: "string" };
  doubling.$defs = defs;

  test.each<[string, JsonObject]>([
    ["recursive", { properties: { a: { $ref: "#" } } }],
    ["recursive by a detour", { $defs: { a: { items: { $ref: "#/$defs/a" } } } }],
    ["remote", { $ref: "https://example.com/x.json" }],
    ["dynamic", { $dynamicRef: "#x" }],
    ["of nothing", { $ref: "#/$defs/none" }],
    ["no schema", { type: 7 }],
    ["a regular expression that is none", { properties: { a: { pattern: "(" } } }],
    ["a large regular expression", { pattern: "a".repeat(300) }],
    ["exponential", doubling],
  ])("%s", (_name, schema) => {
    expect(findSchemaProblem(schema)).toMatch(/^is no usable JSON Schema: /);
  });
});

test("unique items are compared by value", () => {
  const schema: JsonObject = { properties: { a: { uniqueItems: true } } };
  expect(
    fieldsOf(schema, {
      a: [
        { x: 1, y: 2 },
        { y: 2, x: 1 },
      ],
    }),
  ).toEqual(["output_payload.a"]);
  expect(fieldsOf(schema, { a: [1, "1", [1], { x: 1 }] })).toEqual([]);
});
