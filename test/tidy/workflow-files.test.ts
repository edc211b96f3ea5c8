/** The examples of the pages about workflow files are such files, and fit the schema for editors. */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { STEP_TYPES } from "../../src/engine/steps/types.ts";
import { workflowFileSchema } from "../../src/file/json-schema.ts";
import { readWorkflowFile } from "../../src/file/read-file.ts";
import { STEP_KINDS } from "../../src/file/step-keys.ts";

const [PAGE = "", ...GUIDES] = ["workflow-files", "getting-started", "writing-workflows"].map(
  (name) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), "utf8"),
);
const EXAMPLES = examplesIn(PAGE);

function examplesIn(page: string): string[] {
  return [...page.matchAll(/^```yaml.*\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
}

const matches = new Ajv2020({ strict: false }).compile(workflowFileSchema());

test.each([...EXAMPLES, ...GUIDES.flatMap(examplesIn)])("example %#", (text) => {
  expect(readWorkflowFile(new TextEncoder().encode(text)).faults, text).toEqual([]);
  expect(matches(parse(text)), JSON.stringify(matches.errors)).toBe(true);
});

test("there is an example of every step type, and a section of every kind", () => {
  const types = EXAMPLES.flatMap((text) => {
    const { workflow } = readWorkflowFile(new TextEncoder().encode(text));
    return workflow?.spec.steps.map(({ stepType }) => stepType) ?? [];
  });
  expect([...new Set(types)].sort()).toEqual([...STEP_TYPES].sort());
  const headings = PAGE.split("\n").filter((line) => line.startsWith("### "));
  for (const kind of Object.keys(STEP_KINDS)) expect(headings.join("\n")).toContain(`\`${kind}\``);
});

test("the schema refuses an unknown key", () => {
  expect(matches({ workflow: "a", steps: { x: { task: "t", asignee: "b" } } })).toBe(false);
});
