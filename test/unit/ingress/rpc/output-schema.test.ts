/** Schemas of human tasks: which are taken, what they find, and that a check ends soon. */
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../../../src/engine/values/json.ts";
import { findOutputFaults, findSchemaProblem } from "../../../../src/ingress/rpc/output-schema.ts";

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
    "output_payload.when",
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
    ["a large regular expression", { pattern: "a".repeat(1_001) }],
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

const DRAFT = "https://json-schema.org/draft";
const DRAFT_7 = "http://json-schema.org/draft-07/schema#";

describe("every keyword is enforced", () => {
  test.each<[string, JsonObject, Json]>([
    ["type", { type: "string" }, 1],
    ["type of several", { type: ["string", "null"] }, 1],
    ["enum", { enum: ["a", "b"] }, "c"],
    ["const", { const: 1 }, 2],
    ["pattern", { pattern: "^[a-c]+$" }, "xyz"],
    ["a second pattern", { allOf: [{ pattern: "^a" }, { pattern: "b$" }] }, "ax"],
    ["minLength", { minLength: 3 }, "ab"],
    ["maxLength, in code points", { maxLength: 2 }, "\u{1f600}\u{1f600}\u{1f600}"],
    ["minimum", { minimum: 1 }, 0],
    ["maximum", { maximum: 1 }, 2],
    ["exclusiveMinimum", { exclusiveMinimum: 1 }, 1],
    ["exclusiveMaximum", { exclusiveMaximum: 1 }, 1],
    ["multipleOf", { multipleOf: 0.01 }, 0.005],
    ["items", { items: { type: "string" } }, [1]],
    ["prefixItems", { prefixItems: [{ type: "string" }] }, [1]],
    ["items: false", { prefixItems: [{}], items: false }, [1, 2]],
    ["contains", { contains: { const: 1 } }, [2]],
    ["minContains", { contains: { const: 1 }, minContains: 2 }, [1]],
    ["maxContains", { contains: { const: 1 }, maxContains: 1 }, [1, 1]],
    ["minItems", { minItems: 1 }, []],
    ["maxItems", { maxItems: 1 }, [1, 2]],
    ["uniqueItems", { uniqueItems: true }, [1, 1]],
    ["unevaluatedItems", { prefixItems: [{}], unevaluatedItems: false }, [1, 2]],
    ["properties", { properties: { a: { type: "string" } } }, { a: 1 }],
    ["required", { required: ["a"] }, {}],
    ["additionalProperties", { properties: { a: {} }, additionalProperties: false }, { b: 1 }],
    ["patternProperties", { patternProperties: { "^x_": { type: "string" } } }, { x_a: 1 }],
    ["propertyNames", { propertyNames: { pattern: "^[a-z]+$" } }, { A1: 1 }],
    ["minProperties", { minProperties: 1 }, {}],
    ["maxProperties", { maxProperties: 1 }, { a: 1, b: 1 }],
    ["dependentRequired", { dependentRequired: { a: ["b"] } }, { a: 1 }],
    ["dependentSchemas", { dependentSchemas: { a: { required: ["b"] } } }, { a: 1 }],
    ["dependencies", { dependencies: { a: ["b"] } }, { a: 1 }],
    ["unevaluatedProperties", { properties: { a: {} }, unevaluatedProperties: false }, { b: 1 }],
    ["allOf", { allOf: [{ type: "string" }, { minLength: 2 }] }, "a"],
    ["anyOf", { anyOf: [{ type: "string" }, { type: "null" }] }, 1],
    ["oneOf", { oneOf: [{ type: "number" }, { type: "integer" }] }, 1],
    ["not", { not: { type: "string" } }, "a"],
    ["if and then", JSON.parse('{"if":{"type":"string"},"then":{"minLength":2}}'), "a"],
    ["if and else", { if: { type: "string" }, else: { type: "null" } }, 1],
    ["nullable", { type: "string", nullable: true }, 1],
    ["a pattern with a code point", { pattern: "^[\\u4e00-\\u9fa5]+$" }, "abc"],
    ["a pattern with surrogates", { pattern: "^\\ud83d\\ude00$" }, "a"],
    ["a pattern with a large repeat", { pattern: "^.{0,255}$" }, "x".repeat(256)],
    ["a pattern with an escaped slash", { pattern: "^a\\/b$" }, "ab"],
    ["a pattern with a named group", { pattern: "^(?<year>\\d{4})$" }, "99"],
    ["a negative lookahead", { pattern: "^(?!\\.)(?!.*\\.\\.)[a-z.]+$" }, "a..b"],
    ["a positive lookahead", { pattern: "^(?=.*\\d)[a-z0-9]+$" }, "abc"],
  ])("%s", (_name, keyword, value) => {
    const schema: JsonObject = { properties: { v: keyword } };
    expect(findSchemaProblem(schema)).toBeUndefined();
    expect(findOutputFaults(schema, { v: value })).not.toEqual([]);
  });

  test.each<[string, Json]>([
    ["^[a-c]+$", "abc"],
    ["^[\\u4e00-\\u9fa5]+$", "\u4e2d\u6587"],
    ["^\\ud83d\\ude00$", "\u{1f600}"],
    ["^\\\\u4e00$", "\\u4e00"],
    ["^.{0,255}$", "x".repeat(255)],
    ["^a\\/b$", "a/b"],
    ["^(?!\\.)(?!.*\\.\\.)[a-z.]+$", "a.b"],
    ["^(?=.*\\d)[a-z0-9]+$", "abc1"],
  ])("the pattern %s takes %j", (pattern, value) => {
    const schema: JsonObject = { properties: { v: { pattern } } };
    expect(findSchemaProblem(schema)).toBeUndefined();
    expect(findOutputFaults(schema, { v: value })).toEqual([]);
  });

  test.each<[string, JsonObject, Json]>([
    ["draft 2020-12", { $schema: `${DRAFT}/2020-12/schema`, type: "string" }, 1],
    ["draft 2019-09", { $schema: `${DRAFT}/2019-09/schema`, items: [{ type: "string" }] }, [1]],
    ["draft-07", { $schema: DRAFT_7, items: [{}], additionalItems: false }, [1, 2]],
    ["draft-06", { $schema: "http://json-schema.org/draft-06/schema#", exclusiveMinimum: 1 }, 1],
  ])("in %s", (_name, { $schema = null, ...keyword }, value) => {
    const schema: JsonObject = { $schema, properties: { v: keyword } };
    expect(findSchemaProblem(schema)).toBeUndefined();
    expect(findOutputFaults(schema, { v: value })).not.toEqual([]);
  });
});

describe("formats", () => {
  test.each<[string, Json[], Json[]]>([
    ["date-time", ["2030-01-31T08:00:00Z"], ["2030-01-31", "2030-02-30T00:00:00Z"]],
    ["date", ["2028-02-29"], ["2030-02-29", "no date"]],
    ["time", ["08:00:00Z", "08:00:00.5+02:00"], ["25:00:00Z", "8 o'clock"]],
    ["duration", ["P3D", "PT1H30M", "P2W"], ["P", "PT", "3 days"]],
    ["email", ["a.b+c@example.com"], ["x", "a@", "@b.c", "a b@c.d", "a..b@c.d"]],
    ["hostname", ["example.com"], ["-a.b", "a..b", "a b"]],
    ["ipv4", ["10.0.0.1"], ["10.0.0.256", "::1"]],
    ["ipv6", ["::1"], ["10.0.0.1", "fe80::1%eth0"]],
    ["uri", ["https://example.com/a?b=c#d", "urn:a:b"], ["/a", "a b", "http://x/%zz"]],
    ["uri-reference", ["/a", "../b#c"], ["a b", "<a>"]],
    ["uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567"]],
    ["json-pointer", ["", "/a/~0b"], ["a", "/~2"]],
    ["regex", ["^a+$"], ["("]],
    ["byte", ["YQ=="], ["YQ", "%%%%"]],
    ["int32", [1, -5], [1.5, 2_147_483_648]],
    ["int64", [2_147_483_648], [0.5]],
    ["password", ["anything"], []],
  ])("%s", (format, takes, refuses) => {
    const schema: JsonObject = { properties: { v: { format } } };
    expect(findSchemaProblem(schema)).toBeUndefined();
    for (const v of takes) expect([v, findOutputFaults(schema, { v })]).toEqual([v, []]);
    for (const v of refuses) expect([v, findOutputFaults(schema, { v }).length]).toEqual([v, 1]);
  });

  test("one that is not known is refused, unless it is data or a stored version has it", () => {
    const schema: JsonObject = { properties: { v: { format: "cuid2" } } };
    expect(findSchemaProblem(schema)).toMatch(
      /format "cuid2" is not known: the formats are date-time,/,
    );
    expect(findOutputFaults(schema, { v: "x" })).toEqual([]);
    expect(
      findSchemaProblem({ properties: { format: { const: { format: "x" } } } }),
    ).toBeUndefined();
  });
});

test.each<[string, JsonObject, RegExp]>([
  [
    "draft-04",
    { $schema: "http://json-schema.org/draft-04/schema#" },
    /the drafts are 2020-12, 2019-09, draft-07, draft-06$/,
  ],
  ["another site", { $schema: "https://example.com/schema" }, /\$schema "https:\/\/example.com/],
  ["a back reference", { pattern: "(a)\\1" }, /pattern "\(a\)/],
  ["a lookahead in the middle", { pattern: "a(?!b)" }, /pattern "a\(\?!b\)"/],
  [
    "a lookahead before an alternative",
    { pattern: "^(?!a)b|c" },
    /a lookahead before "\|" is not taken/,
  ],
])("%s is refused with a message", (_name, schema, problem) => {
  expect(findSchemaProblem(schema)).toMatch(problem);
});

test("patterns have a limit together, those of a schema that is stored as well", () => {
  const long = (n: number) => ({ pattern: `^.{${500 + n}}$` });
  const properties = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`p${n}`, long(n)]));
  expect(findSchemaProblem({ properties })).toMatch(/more than 20000 instructions together/);
});
