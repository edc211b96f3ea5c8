/** The templates of the gallery: each is checked without a warning, and each scenario is played. */
import { describe, expect, test } from "vitest";
import { parsePointInTime } from "../../../src/engine/graph/point-in-time.ts";
import { simulate } from "../../../src/engine/simulation/simulate.ts";
import { isJsonObject, type JsonObject, ownValue } from "../../../src/engine/values/json.ts";
import { readWorkflowFile } from "../../../src/file/read-file.ts";
import { readMocks } from "../../../src/file/read-mocks.ts";
import { findOutputFaults, findSchemaProblem } from "../../../src/ingress/rpc/output-schema.ts";
import { readSource } from "../../../src/ingress/rpc/read-source.ts";
import { fillTemplate, parameterFaults, valuesOf } from "../../../src/templates/fill-template.ts";
import { readGallery } from "../../../src/templates/gallery.ts";
import type { Template } from "../../../src/templates/template.ts";

const GALLERY = await readGallery();
const START_MS = Date.UTC(2026, 11, 1, 9);
const REQUIRED = [
  ...["expense-approval", "travel-booking", "incident-response", "employee-onboarding"],
  ...["deal-enrichment", "outbound-sales", "support-escalation", "data-sync"],
  ...["event-enrichment", "content-review"],
];

function propertiesOf({ parameters }: Template): JsonObject {
  const properties = ownValue(parameters, "properties");
  return isJsonObject(properties) ? properties : {};
}

function filled(template: Template, given: JsonObject = {}, name = template.id): string {
  return fillTemplate(template, valuesOf(template, given), name);
}

function templateOf(id: string): Template {
  const found = GALLERY.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no template ${id}`);
  return found;
}

test("the gallery has the processes that people ask for", () => {
  expect(GALLERY.map(({ id }) => id).sort()).toEqual([...REQUIRED].sort());
});

describe.each(GALLERY.map((template) => ({ id: template.id, template })))("$id", ({ template }) => {
  test("is checked without faults and warnings, with its defaults", () => {
    const read = readSource(filled(template));
    expect(read).toMatchObject({ faults: [], faultCount: 0, warnings: [] });
    expect(read.workflow?.name).toBe(template.id);
  });

  test("has parameters that are described, used, and sound by default", () => {
    expect(findSchemaProblem(template.parameters)).toBeUndefined();
    expect(findOutputFaults(template.parameters, valuesOf(template, {}))).toEqual([]);
    const used = new Set(
      [...template.source.matchAll(/\$\(([a-z0-9_]+)\)/g)].map(([, name]) => name),
    );
    expect([...used].sort()).toEqual(Object.keys(propertiesOf(template)).sort());
    for (const property of Object.values(propertiesOf(template))) {
      expect(property).toMatchObject({
        type: expect.stringMatching(/^(string|number|integer|boolean)$/),
        description: expect.stringMatching(/\.$/),
      });
    }
  });

  test("takes no text as a part of an expression, unless a pattern keeps it a name", () => {
    const inExpression = [
      ...template.source.matchAll(/(?:branch|when): (.*)/g),
      ...template.source.matchAll(/\{\{(.*?)\}\}/g),
    ].flatMap(([, text = ""]) =>
      [...text.matchAll(/\$\(([a-z0-9_]+)\)/g)].map(([, name = ""]) => name),
    );
    for (const name of inExpression) {
      const property = propertiesOf(template)[name];
      const isNumber =
        isJsonObject(property ?? null) && ownValue(property as JsonObject, "type") === "number";
      const pattern = isJsonObject(property ?? null)
        ? ownValue(property as JsonObject, "pattern")
        : "";
      expect(isNumber || /^\^\[[A-Za-z0-9_-]+\]/.test(String(pattern)), name).toBe(true);
    }
  });

  test.each(template.scenarios.map((scenario) => ({ name: scenario.name, scenario })))(
    "$name",
    ({ scenario }) => {
      const { workflow, faults } = readWorkflowFile(new TextEncoder().encode(filled(template)));
      if (workflow === undefined) throw new Error(JSON.stringify(faults));
      const schema = workflow.inputSchema;
      if (isJsonObject(schema)) {
        expect(findOutputFaults(schema, scenario.input, "input")).toEqual([]);
      }
      const { mocks, faults: unread } = readMocks(scenario.mocks);
      expect(unread).toEqual([]);
      const startMs = parsePointInTime(scenario.startsAt ?? "") ?? START_MS;
      const played = simulate(workflow.spec, { input: scenario.input, mocks, startMs });
      expect(played.faults).toEqual([]);
      const { path = [], outcome, sentence, unusedMocks, problems } = played.simulation ?? {};
      const begun = [...new Set(path.map(({ stepId }) => stepId))];
      expect(begun, sentence).toEqual(scenario.path);
      expect({ outcome, unusedMocks, problems }).toEqual({
        ...{ outcome: scenario.outcome, unusedMocks: [], problems: [] },
      });
    },
  );
});

describe("a parameter", () => {
  const expense = templateOf("expense-approval");

  test("is put in as data: nothing in it ends its text, adds a key or makes an expression", () => {
    const nasty = 'x"] }\n  evil: { agent: a }\n#: [';
    const text = filled(expense, { manager: nasty }, "a: name # of mine");
    const { workflow, faults } = readWorkflowFile(new TextEncoder().encode(text));
    expect(faults).toEqual([]);
    expect(workflow?.name).toBe("a: name # of mine");
    const steps = new Map(workflow?.spec.steps.map((step) => [step.id, step]));
    expect(steps.get("manager")?.config.approvers).toEqual([nasty]);
    expect(steps.has("evil")).toBe(false);
    const { workflow: plain } = readWorkflowFile(new TextEncoder().encode(filled(expense)));
    expect([...steps.keys()]).toEqual(plain?.spec.steps.map(({ id }) => id));
  });

  test("keeps its type where it stands alone, and comments stay", () => {
    const text = filled(expense, { threshold_usd: 250, manager: "true", director: "12" });
    expect(text).toContain("branch: input.amount_usd > 250");
    expect(text).toContain("# Below the threshold nobody is asked.");
    const { workflow } = readWorkflowFile(new TextEncoder().encode(text));
    const manager = workflow?.spec.steps.find(({ id }) => id === "manager");
    expect(manager?.config).toMatchObject({ approvers: ["true"], escalate_to: ["12"] });
  });

  test("that there is not, or that would be an expression, is refused by its name", () => {
    const faults = parameterFaults(expense, { treshold_usd: 1, manager: "{{ input.x }}" });
    expect(faults.map(({ field }) => field)).toEqual([
      "parameters.treshold_usd",
      "parameters.manager",
    ]);
    expect(faults[0]?.description).toContain("threshold_usd");
  });

  test.each<{ given: JsonObject; field: string }>([
    { given: { threshold_usd: "many" }, field: "parameters.threshold_usd" },
    { given: { threshold_usd: -1 }, field: "parameters.threshold_usd" },
    { given: { escalate_after: "tomorrow" }, field: "parameters.escalate_after" },
    { given: { manager: "" }, field: "parameters.manager" },
  ])("$given breaks the schema", ({ given, field }) => {
    const values = valuesOf(expense, given);
    const faults = findOutputFaults(expense.parameters, values, "parameters");
    expect(faults.map((fault) => fault.field)).toEqual([field]);
  });
});
