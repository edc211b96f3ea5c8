/** Any version that may be published gives a file that compiles to it, as YAML and as JSON. */
import { readdirSync, readFileSync } from "node:fs";
import { fromJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it, test } from "vitest";
import { PublishVersionRequestSchema } from "../../gen/workflows/v1/workflows_pb.ts";
import { checkVersion } from "../../src/engine/graph/check.ts";
import type { StepDefinition, VersionSpec } from "../../src/engine/values/definition.ts";
import type { JsonObject } from "../../src/engine/values/json.ts";
import { readWorkflowFile } from "../../src/file/read-file.ts";
import { writeWorkflowJson, writeWorkflowYaml } from "../../src/file/write-file.ts";
import { readVersionSpec } from "../../src/wire/definitions.ts";
import { triggerOf } from "../support/builders/version-spec.ts";
import { randomNumbers } from "../support/random/random-numbers.ts";
import { randomVersion } from "../support/random/random-version.ts";

/** Texts that YAML could take for something else, besides those of fast-check. */
const TEXTS = [
  "true",
  "null",
  "~",
  "1",
  "0x1F",
  "1e3",
  "- a",
  "a: b",
  "#x",
  "@x",
  "`",
  "'",
  '"',
  "{{ n }}",
];
const MORE_TEXTS = [
  "2030-01-31",
  "&a",
  "*a",
  "!!int 1",
  "<<",
  "a\n  b\n",
  "\n",
  " ",
  "\t",
  "end",
  "é\u2028",
  "\u0085",
];
const text = fc.oneof(
  fc.constantFrom(...TEXTS, ...MORE_TEXTS),
  fc.string({ unit: "grapheme", maxLength: 20 }),
);
const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonObject[string]>;

/** What is changed at one step. */
const change = fc.record({
  at: fc.nat(),
  name: text,
  config: fc.option(fc.dictionary(text, json, { maxKeys: 4 }), { nil: undefined }),
  title: fc.option(text, { nil: undefined }),
  agentId: fc.constantFrom("", "agent_a"),
  riskLevel: fc.constantFrom("", "HIGH"),
  retryPolicy: fc.constantFrom(undefined, {
    maxRetries: 0,
    backoffSeconds: 0,
    backoffMultiplier: 0,
  }),
});
const trigger = fc.constantFrom(
  triggerOf(),
  { ...triggerOf(), written: "unset" as const },
  { ...triggerOf(), written: "empty" as const },
  triggerOf({ triggerType: "EVENT", eventType: "crm.*", filterExpr: "n > 1" }),
  triggerOf({ triggerType: "EVENT", eventSubject: "deals/*" }),
  triggerOf({ triggerType: "WEBHOOK", tapProvider: "hubspot", filterExpr: "true" }),
  triggerOf({ triggerType: "WEBHOOK" }),
  triggerOf({ triggerType: "SCHEDULE", cronExpr: "CRON_TZ=Europe/Paris 0 9 * * 1-5" }),
  triggerOf({ triggerType: "SCHEDULE", cronExpr: "@every 1h30m" }),
  triggerOf({ triggerType: "SCHEDULE", cronExpr: "CRON_TZ=Europe/Paris  @daily" }),
  triggerOf({ triggerType: "WORKFLOW" }),
  triggerOf({ triggerType: "WORKFLOW", parentWorkflowId: "wf_1" }),
);

function changed(
  spec: VersionSpec,
  changes: readonly (typeof change extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const steps = [...spec.steps];
  for (const { at, config, title, retryPolicy, ...fields } of changes) {
    const step = steps[at % steps.length];
    if (step === undefined) continue;
    const merged = { ...step.config, ...config, ...(title === undefined ? {} : { title }) };
    const made: StepDefinition = {
      ...step,
      ...fields,
      agentId: step.stepType === "AGENT_ACTION" ? step.agentId : fields.agentId,
      config: merged,
      ...(Object.keys(merged).length === 0 && at % 2 === 0 ? { emptyConfig: true as const } : {}),
      ...(retryPolicy === undefined ? {} : { retryPolicy }),
    };
    steps[at % steps.length] = made;
  }
  return { ...spec, steps };
}

/** As it comes from a request: -0 is no JSON, and objects have a prototype. */
function stored(spec: VersionSpec): VersionSpec {
  return JSON.parse(JSON.stringify(spec)) as VersionSpec;
}

/** The version after a way through a file of each form. */
function throughFiles(spec: VersionSpec): (VersionSpec | undefined)[] {
  const workflow = { name: "any", description: "", tags: [], spec };
  return [writeWorkflowYaml(workflow), writeWorkflowJson(workflow)].map((file) => {
    const { workflow: read, faults } = readWorkflowFile(new TextEncoder().encode(file));
    expect(faults, file).toEqual([]);
    return read === undefined ? undefined : stored(read.spec);
  });
}

it("gives back every version", () => {
  let checked = 0;
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(change, { maxLength: 3 }),
      trigger,
      text,
      (seed, changes, on, author) => {
        const version = {
          ...changed(randomVersion(randomNumbers(seed)), changes),
          trigger: on,
          author,
        };
        const spec = stored(version);
        if (checkVersion(spec).length > 0) return;
        checked += 1;
        for (const back of throughFiles(spec)) expect(back).toEqual(spec);
      },
    ),
    { numRuns: 150 },
  );
  expect(checked).toBeGreaterThan(50);
});

const PROCESSES = new URL("../../testdata/processes/", import.meta.url);
test.each(readdirSync(PROCESSES).filter((name) => name.endsWith(".json")))(
  "gives back %s",
  (name) => {
    const request: unknown = JSON.parse(readFileSync(new URL(name, PROCESSES), "utf8"));
    const { spec } = readVersionSpec(fromJson(PublishVersionRequestSchema, request as JsonObject));
    for (const back of throughFiles(spec)) expect(back).toEqual(stored(spec));
  },
);
