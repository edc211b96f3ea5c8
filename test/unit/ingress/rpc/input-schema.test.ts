/** Which schemas of inputs are kept compiled: a workspace takes the place of its own. */
import { expect, test } from "vitest";
import { KnownSchemas } from "../../../../src/ingress/rpc/input-schema.ts";

const TEXT = '{"type":"object"}';
const of = (workspaceId: string, n: number) => ({ workspaceId, versionId: `${workspaceId}_${n}` });

test("a workspace with many versions makes its own schemas be compiled anew, and those of no other one", () => {
  const schemas = new KnownSchemas(4);
  const small = [schemas.of(of("a", 1), TEXT), schemas.of(of("b", 1), TEXT)];
  const first = schemas.of(of("many", 1), TEXT);
  for (let n = 2; n <= 10; n += 1) schemas.of(of("many", n), TEXT);
  expect(schemas.of(of("a", 1), TEXT)).toBe(small[0]);
  expect(schemas.of(of("b", 1), TEXT)).toBe(small[1]);
  expect(schemas.of(of("many", 1), TEXT)).not.toBe(first);
});

test("of a workspace's schemas the one that was used least lately goes", () => {
  const schemas = new KnownSchemas(2);
  const first = schemas.of(of("a", 1), TEXT);
  const second = schemas.of(of("a", 2), TEXT);
  expect(schemas.of(of("a", 1), TEXT)).toBe(first);
  schemas.of(of("a", 3), TEXT);
  expect(schemas.of(of("a", 1), TEXT)).toBe(first);
  expect(schemas.of(of("a", 2), TEXT)).not.toBe(second);
});

test("a version that is published with another text has that one", () => {
  const schemas = new KnownSchemas(2);
  schemas.of(of("a", 1), TEXT);
  expect(schemas.of(of("a", 1), '{"type":"array"}')).toEqual({ type: "array" });
});
