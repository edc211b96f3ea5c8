/** The texts of a mapping, as templates of a workflow file and back. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compileText,
  compileValue,
  type MappingScope,
  readText,
} from "../../../src/entities/compile/mapping.ts";

const WON: MappingScope = { triggerEvent: "Deal.won", stepsBefore: 2 };
const DEAL = "(has(input.deal) ? input.deal : input)";
const faultOf = (text: string, scope = WON) => {
  const compiled = compileText(text, scope);
  return typeof compiled === "string" ? `compiled to ${compiled}` : compiled.description;
};

describe("a text of a mapping", () => {
  test.each([
    ["deal.name", `{{ ${DEAL}.name }}`],
    ["deal.contact.name", `{{ ${DEAL}.contact.name }}`],
    ["deal.lines.0.sku", `{{ ${DEAL}.lines[0].sku }}`],
    ["deal.in", `{{ ${DEAL}["in"] }}`],
    ["input.customer.name", "{{ input.customer.name }}"],
    ["run.vars.plan", "{{ run.vars.plan }}"],
    ["step.0.$id", '{{ steps["step-0"].output["$id"] }}'],
    ["step.1", '{{ steps["step-1"].output }}'],
    [" deal.net + deal.tax", `{{ ${DEAL}.net + ${DEAL}.tax }}`],
    ['"Onboarding: " + deal.name', `Onboarding: {{ ${DEAL}.name }}`],
    [`'for ' + deal.name + "!"`, `for {{ ${DEAL}.name }}!`],
    ['"Call"', "Call"],
    [`'it\\'s "so"'`, `it's "so"`],
    ['"deal.name"', "deal.name"],
    ["round-robin", "round-robin"],
    ["Call", "Call"],
    ["deal", "deal"],
    ["Deal.won", "Deal.won"],
    ["1.5", "1.5"],
    ["C++", "C++"],
    ["a + b", "a + b"],
    ["Who is deal.name?", "Who is deal.name?"],
    ["", ""],
    ["{{ size(input.lines) }} lines", "{{ size(input.lines) }} lines"],
  ])("%s", (text, template) => {
    expect(compileText(text, WON)).toBe(template);
  });

  test.each([
    ["dael.name", '"dael" is not known; did you mean "deal"?; write input.dael.name'],
    ["example.com", 'or "\\"example.com\\"" for this text'],
    ["dael.net + dael.tax", '"dael" is not known; did you mean "deal"?'],
    ["step.2.$id", "which is no step before: steps before it are step.0 to step.1"],
    ["step.first.id", "which is no step before"],
    ['"Hi " + name', 'adds "name", which is neither'],
    ['"Hi', "begins with a quote, and is no sum"],
    ['"Hi" there', "begins with a quote, and is no sum"],
  ])("%s is refused", (text, description) => {
    expect(faultOf(text)).toContain(description);
  });

  test("of the first step reads no step", () => {
    expect(faultOf("step.0.$id", { ...WON, stepsBefore: 0 })).toContain("the first step has none");
  });

  test.each([
    ["crm.deal.won", "deal.name", `{{ ${DEAL}.name }}`],
    [
      "FeatureFlag.on",
      "featureFlag.key",
      "{{ (has(input.featureFlag) ? input.featureFlag : input).key }}",
    ],
    ["Run.ended", "run.id", "{{ run.id }}"],
  ])("reads the data of %s", (triggerEvent, text, template) => {
    expect(compileText(text, { ...WON, triggerEvent })).toBe(template);
  });

  test.each(["*.won", "won", undefined])("has no noun for %s", (triggerEvent) => {
    expect(faultOf("deal.name", { ...WON, triggerEvent })).toContain('"deal" is not known');
  });

  const pieces = [
    "deal",
    ".",
    "name",
    "step.0",
    "$id",
    " + ",
    '"',
    "'",
    "Hi ",
    "\\",
    "{{ ",
    " }}",
    "input",
    "0",
    "in",
  ];
  test("is read back as one that compiles to the same template", () => {
    const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 9 }).map((all) => all.join(""));
    fc.assert(
      fc.property(texts, (text) => {
        const template = compileText(text, WON);
        fc.pre(typeof template === "string");
        expect(compileText(readText(String(template), WON), WON)).toBe(template);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    "deal.name",
    "step.0.$id",
    '"Onboarding: " + deal.name',
    "deal.net + deal.tax",
    "run.vars.plan",
    "deal.lines.0.in",
  ])("%s is read back as it was written", (text) => {
    expect(readText(String(compileText(text, WON)), WON)).toBe(text);
  });
});

test("a text with very many beginnings of templates is read at once", () => {
  const text = "{{ ".repeat(60_000);
  const beganMs = performance.now();
  expect(readText(text, WON)).toBe(text);
  expect(performance.now() - beganMs).toBeLessThan(1_000);
});

test("values inside of lists and objects are compiled, and faults have their paths", () => {
  const faults: string[] = [];
  const value = { name: "deal.name", lines: [{ sku: "dael.sku" }, 3, null, true] };
  const compiled = compileValue(value, WON, (path) => faults.push(path));
  expect(compiled).toMatchObject({ name: `{{ ${DEAL}.name }}`, lines: [{}, 3, null, true] });
  expect(faults).toEqual([".lines[0].sku"]);
});
