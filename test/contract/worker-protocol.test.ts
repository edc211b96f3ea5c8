/** The fixtures of the worker protocol fit its schema, and those that are refused do not. */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
ajv.addSchema(readJson("docs/worker-protocol.schema.json"), "protocol");

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function problemsOf(kind: string, message: unknown): string {
  const validate = ajv.getSchema(`protocol#/$defs/${kind}`);
  if (validate === undefined) throw new Error(`the schema has no ${kind}`);
  return validate(message) ? "" : ajv.errorsText(validate.errors);
}

test.each([
  ["tasks", "tasks"],
  ["results", "results"],
  ["results", "returned"],
  ["heartbeat", "heartbeat"],
  ["cancel", "cancel"],
  ["open_request", "open-request"],
  ["open_reply", "open-reply"],
])("the schema takes, as %s, the fixture %s", (kind, file) => {
  expect(problemsOf(kind, readJson(`testdata/worker-protocol/${file}.json`))).toBe("");
});

test("the schema refuses each bad result", () => {
  const bad: { why: string; message: unknown }[] = readJson(
    "testdata/worker-protocol/bad-results.json",
  );
  expect(bad.filter(({ message }) => problemsOf("results", message) === "")).toEqual([]);
});
