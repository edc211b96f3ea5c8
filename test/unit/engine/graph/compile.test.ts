/** The compiled graph: roles, order, resolved settings, reads. */
import { describe, expect, it } from "vitest";
import { renderTemplate } from "../../../../src/engine/expression/template.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import type { StepDefinition } from "../../../../src/engine/values/definition.ts";
import { edgeOf, stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";

function rolesOf(source: Partial<StepDefinition>, labels: readonly string[]) {
  const spec = versionOf(
    [stepOf("s", { ...source, name: "S", actionType: "x" }), "t"],
    labels.map((label) => `s -> t [${label}]`),
  );
  return compileGraph(spec).edges.map(({ role }) => role);
}

function onlyStep(fields: Partial<StepDefinition>, others: readonly string[] = []) {
  const [step] = compileGraph(versionOf([stepOf("s", fields), ...others])).steps;
  if (step === undefined) throw new Error("the graph has no step");
  return step;
}

describe("edge roles", () => {
  const labels = ["approved", "denied", "expired", "joined", "timeout", "error", "Error", "late"];

  it.each(["APPROVAL_GATE", "GOVERNANCE_CHECK"] as const)("of %s", (stepType) => {
    expect(rolesOf({ stepType }, labels)).toEqual([
      "approved",
      "denied",
      "expired",
      "success",
      "timeout",
      "error",
      "success",
      "success",
    ]);
  });

  it("of PARALLEL", () => {
    expect(rolesOf({ stepType: "PARALLEL" }, labels)).toEqual([
      "child",
      "child",
      "child",
      "joined",
      "timeout",
      "error",
      "child",
      "child",
    ]);
  });

  it("of other types", () => {
    expect(rolesOf({}, labels)).toEqual([
      "success",
      "success",
      "success",
      "success",
      "timeout",
      "error",
      "success",
      "success",
    ]);
  });

  it("of a timeout_action", () => {
    expect(rolesOf({ config: { timeout_action: "late" } }, ["late", "x"])).toEqual([
      "timeout_action",
      "success",
    ]);
    expect(rolesOf({ config: { timeout_action: "continue" } }, ["continue"])).toEqual(["success"]);
    const gate = { stepType: "APPROVAL_GATE", config: { timeout_action: "denied" } } as const;
    expect(rolesOf(gate, ["denied"])).toEqual(["denied"]);
  });
});

describe("links", () => {
  const graph = compileGraph(
    versionOf(
      [
        "z",
        stepOf("p", { stepType: "PARALLEL" }),
        "x",
        stepOf("y", { compensationStepId: "undo" }),
        "undo",
        "a",
      ],
      ["a -> p", "p -> x", "p -> y", "p -> z [joined]"],
    ),
  );

  it("finds roots and compensation steps", () => {
    expect(graph.roots).toEqual([5]);
    expect(graph.steps.map(({ isCompensation }) => isCompensation).indexOf(true)).toBe(4);
    expect(graph.steps[3]?.compensation).toBe(4);
    expect(graph.steps[4]?.compensates).toBe(3);
    expect(graph.steps[0]).toMatchObject({
      compensation: -1,
      compensates: -1,
      isCompensation: false,
    });
  });

  it("knows the PARALLEL of a child", () => {
    expect(graph.steps.map(({ parallel }) => parallel)).toEqual([-1, -1, 1, 1, -1, -1]);
  });

  it("keeps edges in version order", () => {
    expect(graph.steps[1]?.outgoing).toEqual([1, 2, 3]);
    expect(graph.steps[0]?.incoming).toEqual([3]);
    expect(graph.indexById.get("y")).toBe(3);
  });

  it("orders steps after their predecessors, the earlier one first", () => {
    expect(graph.order).toEqual([5, 1, 0, 2, 3]);
    expect(compileGraph(versionOf(["c", "b", "a"], ["a -> b"])).order).toEqual([0, 2, 1]);
  });
});

describe("settings", () => {
  it("takes the step's retry policy, then the version's, then none", () => {
    const version = { maxRetries: 2, backoffSeconds: 3, backoffMultiplier: 2 };
    const own = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 0.5 };
    const graph = compileGraph(
      versionOf(["a", stepOf("b", { retryPolicy: own })], [], { defaultRetryPolicy: version }),
    );
    expect(graph.steps.map(({ retry }) => retry)).toEqual([
      { maxRetries: 2, backoffMs: 3000, multiplier: 2 },
      { maxRetries: 1, backoffMs: 0, multiplier: 1 },
    ]);
    expect(onlyStep({}).retry).toEqual({ maxRetries: 0, backoffMs: 0, multiplier: 1 });
  });

  it("reads timeouts from the field or from config", () => {
    expect(onlyStep({ timeoutSeconds: 5 }).timeoutMs).toBe(5000);
    expect(onlyStep({ config: { timeout_seconds: 0.25 } }).timeoutMs).toBe(250);
    expect(onlyStep({}).timeoutMs).toBe(0);
    expect(compileGraph(versionOf(["a"], [], { timeoutSeconds: 7 })).timeoutMs).toBe(7000);
  });

  it("reads on_error and timeout_action", () => {
    expect(onlyStep({})).toMatchObject({ onError: "stop", timeoutAction: "" });
    const config = { on_error: "continue", timeout_action: "continue" };
    expect(onlyStep({ config })).toMatchObject({ onError: "continue", timeoutAction: "continue" });
  });

  it.each([
    ["qualify_lead.output.deal_value_usd", "deal_value_usd"],
    [" tier ", "tier"],
    ['steps["qualify-lead"].output["deal value"]', "deal value"],
    ["deal_value_usd > 5", ""],
    ["size(items)", ""],
    ["true", ""],
    ["items[0]", ""],
  ])("of the condition %s the last name is %j", (conditionExpr, name) => {
    const step = onlyStep({ stepType: "BRANCH", conditionExpr }, ["qualify-lead"]);
    expect(step.conditionName).toBe(name);
  });
});

describe("texts", () => {
  it("renders all of config but what is read apart", () => {
    const step = onlyStep({
      stepType: "HUMAN_TASK",
      config: {
        instructions: "Call {{ name }}",
        input: { n: "{{ n }}" },
        on_error: "fallback",
        fallback_output: { n: "{{ n }}" },
        output_schema: { type: "object" },
        workflow: "{{ n }}",
      },
    });
    const scope = { fields: { name: "Ann", n: 1 } };
    expect(renderTemplate(step.config, scope)).toEqual({
      ok: true,
      value: { instructions: "Call Ann", on_error: "fallback", workflow: 1 },
    });
    for (const template of [step.input, step.fallback]) {
      expect(template && renderTemplate(template, scope)).toEqual({ ok: true, value: { n: 1 } });
    }
  });

  it("knows the steps and the run's input that a step reads", () => {
    const others = ["b-1", "c", "d", "e"];
    const step = onlyStep(
      {
        stepType: "WAIT_FOR_EVENT",
        eventTypePattern: "x.{{ b_1.output.kind }}",
        eventSubjectPattern: "{{ c.output.id }}",
        config: { filter_expr: 'n == steps["d"].output.n', title: "{{ input.title }}" },
      },
      others,
    );
    expect(step.reads).toEqual([1, 2, 3]);
    expect(step.readsRunInput).toBe(true);
    expect(step.filter?.source).toContain("steps");
    expect(onlyStep({}, others)).toMatchObject({ reads: [], readsRunInput: false });
  });

  it("compiles conditions of edges and the trigger's filter", () => {
    const trigger = triggerOf({ triggerType: "WEBHOOK", filterExpr: "n > 1" });
    const graph = compileGraph(
      versionOf(["a", "b"], [edgeOf("a -> b [big]", "n > 2"), "a -> b"], { trigger }),
    );
    expect(graph.triggerFilter?.source).toBe("n > 1");
    expect(graph.edges.map(({ label, condition }) => [label, condition?.source])).toEqual([
      ["big", "n > 2"],
      ["", undefined],
    ]);
  });

  it("throws on a version that was not checked", () => {
    expect(() => compileGraph(versionOf(["a"], ["a -> b"]))).toThrow("edges[0]");
    expect(() => compileGraph(versionOf([stepOf("a", { stepType: "UNSPECIFIED" })]))).toThrow(
      "steps[0].step_type",
    );
    expect(() => compileGraph(versionOf([stepOf("a", { conditionExpr: "(" })]))).toThrow(
      "steps[0].condition_expr",
    );
  });
});
