/**
 * Every process in testdata/processes may be published as it is, and is played by a scenario.
 *
 * Boundary: a file is a PublishVersionRequest in proto3 JSON, with the names of the proto file.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fromJsonString } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { PublishVersionRequestSchema } from "../../gen/workflows/v1/workflows_pb.ts";
import { checkVersion } from "../../src/engine/graph/check.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import { isJsonObject } from "../../src/engine/values/json.ts";
import { findSchemaProblem } from "../../src/ingress/rpc/output-schema.ts";
import { readVersionSpec } from "../../src/wire/definitions.ts";

const folder = new URL("../../testdata/processes/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

test("there are processes to look at", () => {
  expect(files).not.toEqual([]);
});

test.each(files)("%s has no faults and compiles", (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  const { spec, faults } = readVersionSpec(fromJsonString(PublishVersionRequestSchema, text));
  expect([...faults, ...checkVersion(spec)]).toEqual([]);
  const schemas = spec.steps.map(({ config }) => config.output_schema).filter(isJsonObject);
  expect(schemas.map(findSchemaProblem)).toEqual(schemas.map(() => undefined));
  expect(compileGraph(spec).steps).toHaveLength(spec.steps.length);
});

/** The demo's: the whole service plays them, for the fixtures (test/support/fixtures/fixture-story.ts) and in `npm run demo`. */
const PLAYED_ELSEWHERE = ["answer-reply.json", "outbound-sales.json"];

test.each(files.filter((name) => !PLAYED_ELSEWHERE.includes(name)))("%s is played", (name) => {
  const scenario = new URL(`../scenarios/${name.replace(/json$/, "scenario")}`, folder);
  expect(existsSync(scenario)).toBe(true);
});
