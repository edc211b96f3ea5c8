/** Mocks of a simulation as people write them, and the plain faults of an input. */
import { expect, test } from "vitest";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { findInputProblems } from "../../../src/file/input-problems.ts";
import { readMocks } from "../../../src/file/read-mocks.ts";

test("a mock, or a list of them, is read with its durations", () => {
  const { mocks, faults } = readMocks({
    pay: [{ error: "no" }, { output: { id: 7 }, delay: "2h", cost: 0.5 }],
    gate: { outcome: "denied", delay: 30 },
    policy: { decision: "require_approval" },
    reply: { data: { from: "jo" } },
    quiet: { silent: true },
  });
  expect(faults).toEqual([]);
  expect(Object.fromEntries(mocks)).toEqual({
    pay: [{ error: "no" }, { output: { id: 7 }, delayMs: 7_200_000, costUsd: 0.5 }],
    gate: [{ outcome: "denied", delayMs: 30_000 }],
    policy: [{ decision: "require_approval" }],
    reply: [{ data: { from: "jo" } }],
    quiet: [{ silent: true }],
  });
});

test.each<{ mock: JsonObject[string]; fault: string }>([
  { mock: "approved", fault: "mocks.a: is no object with some of output, error" },
  { mock: { outptu: {} }, fault: "mocks.a.outptu: is no word of a mock" },
  { mock: { output: 7 }, fault: "mocks.a.output: must be an object" },
  { mock: { outcome: "yes" }, fault: "mocks.a.outcome: must be approved, denied or expired" },
  { mock: { delay: "soon" }, fault: "mocks.a.delay: write a duration as" },
  { mock: { silent: false }, fault: "mocks.a.silent: must be true" },
  { mock: { error: "" }, fault: "mocks.a.error: must be a text that is not empty" },
])("$mock is refused in words", ({ mock, fault }) => {
  const { faults } = readMocks({ a: mock });
  expect(faults.map(({ field, description }) => `${field}: ${description}`)).toEqual([
    expect.stringContaining(fault),
  ]);
});

test("an input without a field, or with another type, has a problem", () => {
  const schema = {
    type: "object",
    properties: { n: { type: "integer" }, names: { type: "array" } },
    required: ["n", "who"],
  };
  const problems = findInputProblems(schema, { n: 1.5, names: {} });
  expect(problems.map(({ field, description }) => `${field} ${description}`)).toEqual([
    "input must have required property 'who'",
    "input.n must be integer",
    "input.names must be array",
  ]);
  expect(findInputProblems(schema, { n: 1, who: "jo" })).toEqual([]);
  expect(findInputProblems(undefined, {})).toEqual([]);
});
