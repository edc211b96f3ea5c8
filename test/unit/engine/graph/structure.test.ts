/** Faults of steps and edges as a whole: ids, roots, compensation, edges, cycles, forks. */
import { describe, expect, it } from "vitest";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import { edgeOf, stepOf, versionOf } from "../../../support/builders/version-spec.ts";

type Spec = Parameters<typeof checkVersion>[0];

function faultsOf(spec: Spec): string[] {
  return checkVersion(spec).map(({ field, description }) => `${field}: ${description}`);
}

function fieldsOf(spec: Spec): string[] {
  return checkVersion(spec).map(({ field }) => field);
}

const branch = (id: string, conditionExpr = "") =>
  stepOf(id, { stepType: "BRANCH", conditionExpr });
const parallel = (id: string, config = {}) => stepOf(id, { stepType: "PARALLEL", config });
const compensatedBy = (id: string, compensationStepId: string) =>
  stepOf(id, { compensationStepId });

describe("steps and ids", () => {
  it("accepts one step", () => {
    expect(checkVersion(versionOf(["a"]))).toEqual([]);
  });

  it("refuses a version without steps", () => {
    expect(fieldsOf(versionOf([]))).toEqual(["steps"]);
  });

  it.each(["", "-a", "_a", "a b", "ä", "a.b", "a\u0000", "a".repeat(129)])(
    "refuses the malformed id %j",
    (id) => {
      expect(fieldsOf(versionOf(["ok", stepOf(id)]))).toEqual(["steps[1].id"]);
    },
  );

  it.each(["a", "9", "A-b_C", "a".repeat(128)])("accepts the id %j", (id) => {
    expect(checkVersion(versionOf([id]))).toEqual([]);
  });

  it("names the later of two equal ids", () => {
    expect(faultsOf(versionOf(["a", "b", "a"]))).toEqual([
      'steps[2].id: "a" is already the id of steps[0]',
    ]);
  });

  it("names the later of two ids that differ only in - and _", () => {
    expect(faultsOf(versionOf(["a_b", "a-b"]))).toEqual([
      'steps[1].id: "a-b" differs only in "-" and "_" from "a_b" of steps[0]',
    ]);
  });

  it("reports every fault at once", () => {
    const spec = versionOf(
      ["a", "a", stepOf("-", { stepType: "UNSPECIFIED" })],
      ["a -> nowhere", "a -> a"],
    );
    expect(fieldsOf(spec)).toEqual([
      "steps[1].id",
      "steps[2].id",
      "steps[2].step_type",
      "edges[0].to_step_id",
      "edges[1].to_step_id",
    ]);
  });
});

describe("roots", () => {
  it("refuses a version without a root", () => {
    const faults = faultsOf(versionOf(["a", "b"], ["a -> b", "b -> a"]));
    expect(faults[0]).toContain("steps: no step is a root");
  });

  it("does not take a compensation step for a root", () => {
    const spec = versionOf(
      ["a", "b", compensatedBy("c", "undo"), "undo"],
      ["a -> b", "b -> a", "a -> c"],
    );
    expect(faultsOf(spec)[0]).toContain("steps: no step is a root");
  });
});

describe("compensation steps", () => {
  const field = "steps[0].compensation_step_id";

  it("accepts a step without edges", () => {
    const spec = versionOf([compensatedBy("a", "undo"), "b", "undo"], ["a -> b"]);
    expect(checkVersion(spec)).toEqual([]);
  });

  it("refuses an unknown one", () => {
    expect(faultsOf(versionOf([compensatedBy("a", "undo")]))).toEqual([
      `${field}: there is no step "undo"`,
    ]);
  });

  it("refuses the step itself", () => {
    expect(faultsOf(versionOf([compensatedBy("a", "a")]))).toEqual([
      `${field}: a step cannot compensate itself`,
    ]);
  });

  it("refuses one that is wired", () => {
    const spec = versionOf([compensatedBy("a", "undo"), "undo"], ["a -> undo"]);
    expect(faultsOf(spec)[0]).toContain(`${field}: step "undo" has edges`);
  });

  it("refuses one that two steps name, at the later", () => {
    const spec = versionOf([compensatedBy("a", "undo"), compensatedBy("b", "undo"), "undo"]);
    expect(faultsOf(spec)).toEqual([
      'steps[1].compensation_step_id: step "undo" already compensates steps[0]',
    ]);
  });

  it.each(["WAIT_FOR_EVENT", "BRANCH", "PARALLEL"] as const)("refuses a %s", (stepType) => {
    const compensation = stepOf("undo", { stepType, eventTypePattern: "x" });
    const faults = faultsOf(versionOf([compensatedBy("a", "undo"), compensation]));
    expect(faults).toContain(`${field}: step "undo" is a ${stepType}, which cannot compensate`);
  });

  it.each(["APPROVAL_GATE", "GOVERNANCE_CHECK", "NOTIFICATION", "HUMAN_TASK"] as const)(
    "accepts a %s",
    (stepType) => {
      const compensation = stepOf("undo", {
        stepType,
        name: "Undo",
        actionType: "undo",
        notificationChannel: "mail",
      });
      expect(checkVersion(versionOf([compensatedBy("a", "undo"), compensation]))).toEqual([]);
    },
  );

  it("refuses one that has a compensation step itself", () => {
    const spec = versionOf([compensatedBy("a", "b"), compensatedBy("b", "c"), "c"]);
    expect(faultsOf(spec)).toEqual([`${field}: step "b" has a compensation step itself`]);
  });
});

describe("edges", () => {
  it("refuses unknown ends", () => {
    expect(fieldsOf(versionOf(["a"], ["x -> y", " -> a"]))).toEqual([
      "edges[0].from_step_id",
      "edges[0].to_step_id",
      "edges[1].from_step_id",
    ]);
  });

  it("refuses a self edge, and does not call it a cycle too", () => {
    expect(fieldsOf(versionOf(["a"], ["a -> a"]))).toEqual(["edges[0].to_step_id"]);
  });

  it("refuses the later of two equal edges", () => {
    const spec = versionOf(["a", "b"], ["a -> b [x]", "a -> b", "a -> b [x]"]);
    expect(fieldsOf(spec)).toEqual(["edges[2]"]);
  });

  it("accepts edges that differ in condition alone", () => {
    const spec = versionOf(["a", "b"], [edgeOf("a -> b", "n > 1"), edgeOf("a -> b", "n < 0")]);
    expect(checkVersion(spec)).toEqual([]);
  });

  it("refuses a condition that does not parse", () => {
    const spec = versionOf(["a", "b"], [edgeOf("a -> b", "n >")]);
    expect(fieldsOf(spec)).toEqual(["edges[0].condition_expr"]);
  });
});

describe("cycles", () => {
  it("names the steps of a cycle", () => {
    const spec = versionOf(["r", "a", "b"], ["r -> a", "a -> b", "b -> a"]);
    expect(faultsOf(spec)).toEqual(["edges: the edges make a cycle: a -> b -> a"]);
  });

  it("names one cycle of each tangle, from its earliest step", () => {
    const spec = versionOf(
      ["r", "d", "c", "b", "a"],
      ["r -> a", "a -> b", "b -> a", "b -> c", "c -> d", "d -> c"],
    );
    expect(faultsOf(spec)).toEqual([
      "edges: the edges make a cycle: d -> c -> d",
      "edges: the edges make a cycle: b -> a -> b",
    ]);
  });

  it("names a shortest one of those that share steps", () => {
    const spec = versionOf(
      ["r", "a", "b", "c"],
      ["r -> a", "a -> b", "b -> c", "c -> a", "b -> a"],
    );
    expect(faultsOf(spec)).toEqual(["edges: the edges make a cycle: a -> b -> a"]);
  });

  it("sees no cycle where paths only join", () => {
    const spec = versionOf(["a", "b", "c", "d"], ["a -> b", "a -> c", "b -> d", "c -> d"]);
    expect(checkVersion(spec)).toEqual([]);
  });

  it("shortens the name of a cycle of a thousand steps", () => {
    const ids = Array.from({ length: 1000 }, (_, at) => `s${at}`);
    const edges = ids.map((id, at) => `${id} -> ${ids[(at + 1) % 1000]}`);
    const cycle = faultsOf(versionOf(ids, edges)).at(-1);
    expect(cycle).toMatch(/^edges: the edges make a cycle: s0 -> s1 -> .* more … -> s999 -> s0$/);
  });
});

describe("BRANCH", () => {
  it("needs an edge to choose", () => {
    expect(fieldsOf(versionOf([branch("b"), "e"], ["b -> e [error]"]))).toEqual(["steps[0]"]);
  });

  it("accepts one fallback beside labels and conditions", () => {
    const spec = versionOf(
      [branch("b", "tier"), "x", "y", "z", "e"],
      [
        "b -> x [gold]",
        edgeOf("b -> y [big]", "n > 9"),
        "b -> z",
        "b -> e [error]",
        "b -> e [timeout]",
      ],
    );
    expect(checkVersion(spec)).toEqual([]);
  });

  it("refuses a default edge with a condition", () => {
    const spec = versionOf([branch("b", "tier"), "x"], [edgeOf("b -> x [default]", "n > 1")]);
    expect(fieldsOf(spec)).toEqual(["edges[0].condition_expr"]);
  });

  it.each([
    ["two default edges", ["b -> x [default]", "b -> y [default]"]],
    ["two bare edges", ["b -> x", "b -> y"]],
    ["a default edge and a bare one", ["b -> x", "b -> y [default]"]],
  ])("refuses %s", (_, edges) => {
    expect(fieldsOf(versionOf([branch("b", "tier"), "x", "y"], edges))).toEqual(["edges[1]"]);
  });

  it("counts labelled edges without condition as fallbacks when it has no condition_expr", () => {
    const spec = versionOf([branch("b"), "x", "y"], ["b -> x [one]", "b -> y [two]"]);
    expect(fieldsOf(spec)).toEqual(["edges[1]"]);
  });

  it("leaves a default label alone elsewhere", () => {
    const spec = versionOf(["a", "x"], [edgeOf("a -> x [default]", "n > 1")]);
    expect(checkVersion(spec)).toEqual([]);
  });
});

describe("PARALLEL", () => {
  it("needs a child", () => {
    expect(fieldsOf(versionOf([parallel("p"), "j"], ["p -> j [joined]"]))).toEqual(["steps[0]"]);
  });

  it("requires no more children than it has", () => {
    const fan = (required: number) =>
      fieldsOf(versionOf([parallel("p", { required }), "x", "y"], ["p -> x", "p -> y"]));
    expect(fan(2)).toEqual([]);
    expect(fan(3)).toEqual(["steps[0].config.required"]);
  });

  it("accepts children with their own ways to go on", () => {
    const spec = versionOf(
      [parallel("p"), "x", "y", "j", "e"],
      ["p -> x", "p -> y [free]", "p -> j [joined]", "x -> e [error]", "y -> e"],
    );
    expect(checkVersion(spec)).toEqual([]);
  });

  it("refuses a child that another edge leads to, at the later edge", () => {
    const after = versionOf(["a", parallel("p"), "x"], ["a -> p", "p -> x", "a -> x"]);
    const before = versionOf(["a", parallel("p"), "x"], ["a -> p", "a -> x", "p -> x"]);
    expect(fieldsOf(after)).toEqual(["edges[2].to_step_id"]);
    expect(fieldsOf(before)).toEqual(["edges[2].to_step_id"]);
  });

  it("refuses its own joined edge to a child", () => {
    const spec = versionOf([parallel("p"), "x"], ["p -> x", "p -> x [joined]"]);
    expect(fieldsOf(spec)).toEqual(["edges[1].to_step_id"]);
  });

  it("does not count its timeout_action edge as a child", () => {
    const spec = versionOf(
      ["a", parallel("p", { timeout_action: "late" }), "x", "z"],
      ["a -> p", "p -> x", "p -> z [late]", "a -> z"],
    );
    expect(checkVersion(spec)).toEqual([]);
  });
});
