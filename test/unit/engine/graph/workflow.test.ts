/** Faults of config.workflow: its keys, its target, its list. */
import { describe, expect, it } from "vitest";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import type { StepDefinition } from "../../../../src/engine/values/definition.ts";
import type { Json } from "../../../../src/engine/values/json.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";

function specOf(workflow: Json, more: Partial<StepDefinition> = {}) {
  return versionOf([stepOf("s", { agentId: "", config: { workflow }, ...more })]);
}

function faultsOf(workflow: Json): { field: string; description: string }[] {
  return checkVersion(specOf(workflow)).map(({ field, description }) => ({
    field: field.replace("steps[0].config.", ""),
    description,
  }));
}

function fieldsOf(workflow: Json): string[] {
  return faultsOf(workflow).map(({ field }) => field);
}

describe("config.workflow", () => {
  const sound: Json[] = [
    { name: "child" },
    { definition_id: "wf_1", version: 3, input: { a: "{{ n }}" } },
    { name: "{{ which }}", version: "{{ v }}" },
    { name: "child", for_each: "leads", max_parallel: 3, required: 2 },
    { name: "child", for_each: "{{ steps['s'].output.leads }}" },
    { name: "child", repeat_while: "output.more && round < 5" },
  ];
  it.each(sound)("accepts %j", (workflow) => {
    expect(fieldsOf(workflow)).toEqual([]);
  });

  const wrong: [Json, string[]][] = [
    ["child", ["workflow"]],
    [[], ["workflow"]],
    [{}, ["workflow.definition_id"]],
    [{ name: "" }, ["workflow.name"]],
    [{ name: "a", definition_id: "b" }, ["workflow.name"]],
    [{ name: "a", version: -1 }, ["workflow.version"]],
    [{ name: "a", version: "latest" }, ["workflow.version"]],
    [{ name: "a", input: [1] }, ["workflow.input"]],
    [{ name: "a", input: { b: "{{ n + }}" } }, ["workflow.input.b"]],
    [{ name: "{{ ( }}" }, ["workflow.name"]],
    [{ name: "a", for_each: [1] }, ["workflow.for_each"]],
    [{ name: "a", for_each: "n +" }, ["workflow.for_each"]],
    [{ name: "a", for_each: "l", max_parallel: 0 }, ["workflow.max_parallel"]],
    [{ name: "a", for_each: "l", required: 10_001 }, ["workflow.required"]],
    [{ name: "a", required: 1 }, ["workflow.required"]],
    [{ name: "a", repeat_while: true }, ["workflow.repeat_while"]],
    [{ name: "a", repeat_while: "n +" }, ["workflow.repeat_while"]],
    [{ name: "a", repeat_while: "n", for_each: "l" }, ["workflow.repeat_while"]],
    [{ name: "a", repeat_while: "n", max_parallel: 2 }, ["workflow.max_parallel"]],
    [{ name: "a", max_parallel: 1 }, ["workflow.max_parallel"]],
  ];
  it.each(wrong)("refuses %j", (workflow, fields) => {
    expect(fieldsOf(workflow)).toEqual(fields);
  });

  it("refuses its keys beside it, where they would not be read", () => {
    const workflow = { name: "a" };
    const config = { workflow, for_each: "l", max_parallel: 3, version: 2, lead: 7 };
    const description = (key: string) => `"${key}" is a key of workflow: move it into workflow`;
    expect(checkVersion(specOf(workflow, { config }))).toEqual(
      ["version", "for_each", "max_parallel"].map((key) => ({
        field: `steps[0].config.${key}`,
        description: description(key),
      })),
    );
    const agents = { agentId: "a1", config: { for_each: "l", name: "mine" } };
    expect(checkVersion(versionOf([stepOf("s", agents)]))).toEqual([]);
  });

  it("names the allowed keys for an unknown one", () => {
    const keys =
      'use "definition_id", "name", "version", "input", "for_each", "max_parallel", "required" or "repeat_while"';
    expect(faultsOf({ name: "a", foreach: "l", paralel: 3 })).toEqual([
      {
        field: "workflow.foreach",
        description: `"foreach" is no key of workflow; the nearest is "for_each"; ${keys}`,
      },
      {
        field: "workflow.paralel",
        description: `"paralel" is no key of workflow; ${keys}`,
      },
    ]);
  });

  it("stands alone: no agent, no queue beside it", () => {
    const faults = checkVersion(specOf({ name: "a" }, { agentId: "a1" }));
    expect(faults).toEqual([
      { field: "steps[0].config.workflow", description: expect.stringContaining("exactly one of") },
    ]);
  });

  it("lists what its expressions read", () => {
    const config = {
      workflow: { name: "a", for_each: "first.output.l", input: { n: "{{ input.n }}" } },
    };
    const graph = compileGraph(
      versionOf(["first", stepOf("s", { agentId: "", config })], ["first -> s"]),
    );
    expect(graph.steps[1]).toMatchObject({ reads: [0], readsRunInput: true });
    expect(graph.steps[1]?.children).toMatchObject({ maxParallel: 10 });
  });
});
