/** docs/events.md says what is published: its list, its extensions and its formats are those of the code and the fixtures. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ChangeSchema } from "../../gen/events/v1/change_pb.ts";
import {
  WorkflowRunLifecycleEventSchema,
  WorkflowStepLifecycleEventSchema,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { RUN_OPERATIONS, STEP_OPERATIONS } from "../../src/engine/values/move.ts";
import { WORKFLOW_OPERATIONS } from "../../src/runtime/definition-events.ts";
import { HOOK_OPERATIONS } from "../../src/runtime/hooks.ts";
import { TEMPLATE_OPERATIONS } from "../../src/runtime/workspace-templates.ts";
import { requireObject } from "../../src/sandbox/bus.ts";
import {
  CONTENT_TYPES,
  ENVELOPES,
  EVENT_FIXTURES,
  readFixture,
} from "../support/fixtures/fixture-files.ts";

const PAGE = readFileSync(new URL("../../docs/events.md", import.meta.url), "utf8");
const CODE = /`([^`]+)`/;
const CONTEXT = [
  "specversion",
  "id",
  "source",
  "type",
  "subject",
  "time",
  "datacontenttype",
  "dataschema",
  "data",
];

/** The rows of tables whose first cell begins so: code of the first and the last cell. */
function rowsOf(begin: RegExp): string[][] {
  return PAGE.split("\n")
    .filter((line) => begin.test(line))
    .map((line) => {
      const cells = line.split("|").slice(1, -1);
      return [cells[0], cells.at(-1)].map((cell) => CODE.exec(cell ?? "")?.[1] ?? "");
    });
}

test("lists every event with its message", () => {
  const published = [
    ["definition.create", ChangeSchema.typeName],
    ["version.publish", ChangeSchema.typeName],
    ...["paused", "resumed", "high_failure_rate"].map((name) => [
      `workflow.${name}`,
      ChangeSchema.typeName,
    ]),
    ...WORKFLOW_OPERATIONS.map((name) => [`workflow.${name}`, ChangeSchema.typeName]),
    ...HOOK_OPERATIONS.map((name) => [`hook.${name}`, ChangeSchema.typeName]),
    ...TEMPLATE_OPERATIONS.map((name) => [`template.${name}`, ChangeSchema.typeName]),
    ...RUN_OPERATIONS.map((name) => [`run.${name}`, WorkflowRunLifecycleEventSchema.typeName]),
    ...STEP_OPERATIONS.map((name) => [`step.${name}`, WorkflowStepLifecycleEventSchema.typeName]),
  ].map(([name, message]) => [`workflows.changes.${name}`, message]);
  expect(rowsOf(/^\| `workflows\.changes\./)).toEqual(published);
});

test("lists every attribute and extension that the fixtures have, and `dataref`", () => {
  const events = EVENT_FIXTURES.map(({ name }) =>
    requireObject(readFixture(name + ENVELOPES.cloudevents)),
  );
  const extensions = new Set(
    events.flatMap((event) => Object.keys(event).filter((name) => !CONTEXT.includes(name))),
  );
  const section = PAGE.slice(PAGE.indexOf("| extension |"), PAGE.indexOf("## Formats"));
  const listed = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(listed.sort()).toEqual([...extensions, "dataref"].sort());
  const attributes = PAGE.slice(PAGE.indexOf("| attribute |"), PAGE.indexOf("| extension |"));
  for (const name of CONTEXT.filter((one) => !["specversion", "data"].includes(one))) {
    expect(attributes, name).toContain(`\`${name}\``);
  }
});

test("lists the formats with their content types", () => {
  const section = PAGE.slice(PAGE.indexOf("## Formats"), PAGE.indexOf("## Reading the data"));
  const listed = section.split("\n").flatMap((line) => {
    const row = /^\| `([a-z-]+)`(?: \(default\))? \| `(application\/[^`]+)` \|/.exec(line);
    return row === null ? [] : [[row[1], row[2]]];
  });
  expect(listed).toEqual(Object.entries(CONTENT_TYPES));
});
