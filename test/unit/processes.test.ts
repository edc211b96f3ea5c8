/**
 * Every process in testdata/processes may be published as it is.
 *
 * Boundary: a file is a PublishVersionRequest in proto3 JSON, with the names of the proto file.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fromJsonString } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { PublishVersionRequestSchema } from "../../gen/workflows/v1/workflows_pb.ts";
import { checkVersion } from "../../src/engine/graph/check.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
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
  expect(compileGraph(spec).steps).toHaveLength(spec.steps.length);
});
