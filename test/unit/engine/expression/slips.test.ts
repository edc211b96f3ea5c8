/** Expressions that publishing refuses although a stored version with them still compiles; comments; `data` in filters. */
import { describe, expect, it } from "vitest";
import {
  type ExpressionContext,
  evaluate,
  parseExpression,
} from "../../../../src/engine/expression/expression.ts";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import { edgeOf, stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";

type Kind = ExpressionContext["kind"];

function problemOf(source: string, kind: Kind, isNew = true): string | undefined {
  const parsed = parseExpression(source, { stepIds: ["pay-out"], kind, isNew });
  return parsed.ok ? undefined : parsed.problem;
}

describe("X.output, X.input and X.state of something that is no step", () => {
  it.each(["payment.output.id", "payment.input", "payment.state == 'COMPLETED'", "has(a.output)"])(
    "%s is refused, with the way to name such a field",
    (source) => {
      for (const kind of ["step", "edge"] as const) {
        expect(problemOf(source, kind)).toMatch(/there is no step "\w+" for .* write \w+\["\w+"\]/);
        expect(problemOf(source, kind, false)).toBeUndefined();
      }
    },
  );

  it.each([
    "pay_out.output.id",
    "steps['pay-out'].state",
    "input.state",
    "input.item.output",
    "output.state",
    "payment['output'].id",
    "l.filter(x, x.state == 'open')",
    "payment.outputs",
  ])("%s is taken", (source) => {
    expect(problemOf(source, "step")).toBeUndefined();
  });

  it("run has no output", () => {
    expect(problemOf("run.output", "step")).toContain('there is no step "run"');
  });

  it("in filters state and data are the event's", () => {
    for (const kind of ["trigger_filter", "wait_filter"] as const) {
      expect(problemOf("payload.state == 'open' && data.output == 1", kind)).toBeUndefined();
      expect(problemOf("payment.output.id == 'x'", kind)).toContain('there is no step "payment"');
    }
  });

  it("is a fault of a version in templates and conditions, and not when a stored one is compiled", () => {
    const spec = versionOf(
      [stepOf("a", { config: { input: { id: "{{ payment.output.id }}" } } }), "b"],
      [edgeOf("a -> b", "order.state == 'x'")],
    );
    expect(checkVersion(spec).map(({ field }) => field)).toEqual([
      "edges[0].condition_expr",
      "steps[0].config.input.id",
    ]);
    expect(compileGraph(spec).steps).toHaveLength(2);
  });
});

describe("whole numbers beyond 2^53", () => {
  it.each(["n == 9007199254740993", "n > -9007199254740993", "n == 9007199254740993u"])(
    "%s is refused",
    (source) => {
      for (const kind of ["step", "edge", "trigger_filter", "wait_filter"] as const) {
        expect(problemOf(source, kind)).toContain("9007199254740993 is beyond 2^53");
        expect(problemOf(source, kind, false)).toBeUndefined();
      }
    },
  );

  it("up to there, as text and as a number with a fraction they are taken", () => {
    for (const number of ["9007199254740991", "'9007199254740993'", "1e20"]) {
      expect(problemOf(`n == ${number}`, "edge")).toBeUndefined();
    }
  });

  it("is a fault of a trigger's filter", () => {
    const trigger = triggerOf({
      triggerType: "EVENT",
      eventType: "a.b",
      filterExpr: "id == 9007199254740993",
    });
    expect(checkVersion(versionOf(["a"], [], { trigger }))).toEqual([
      { field: "trigger.filter_expr", description: expect.stringContaining("beyond 2^53") },
    ]);
  });
});

describe("data in a filter", () => {
  const valueIn = (source: string, kind: Kind, data: Record<string, string>) => {
    const parsed = parseExpression(source, { stepIds: [], kind, isNew: true });
    if (!parsed.ok) throw new Error(parsed.problem);
    const event = kind === "step" ? {} : { event: { id: "e1", data } };
    return evaluate(parsed.expression, { fields: data, ...event });
  };

  it("is the event's data, unless the data has such a field", () => {
    for (const kind of ["trigger_filter", "wait_filter"] as const) {
      expect(valueIn("data.a", kind, { a: "x" })).toEqual({ ok: true, value: "x" });
      expect(valueIn("data", kind, { data: "own" })).toEqual({ ok: true, value: "own" });
    }
  });

  it("is a field like any other elsewhere", () => {
    expect(valueIn("data", "step", { a: "x" })).toMatchObject({ ok: false });
  });
});

describe("comments", () => {
  it("end at the end of their line, and hide quotes and brackets", () => {
    expect(problemOf("n > 1 // it's ((( {", "edge")).toBeUndefined();
    expect(problemOf("n // don't\n > 1", "edge")).toBeUndefined();
    expect(problemOf("// one\n// two\nn // three\n// four\n > 1 // five", "edge")).toBeUndefined();
    expect(problemOf("s == 'http://x' // y", "edge")).toBeUndefined();
    expect(problemOf("// nothing else", "edge")).toContain("does not parse");
  });

  it("do not hide what is too deep or too much from the bounds", () => {
    expect(problemOf(`n // '\n + ${"(".repeat(1000)}`, "edge")).toContain("brackets");
    expect(problemOf(`n // '\n${"+ n ".repeat(1000)}`, "edge")).toContain("costs too much");
  });
});
