// Expressions: what they see, how they calculate, how they fail.

import { describe, expect, it } from "vitest";
import {
  type Evaluation,
  type Expression,
  type ExpressionContext,
  evaluate,
  holds,
  parseExpression,
  type Scope,
} from "../../../../src/engine/expression/expression.ts";
import type { Json, JsonObject } from "../../../../src/engine/values/json.ts";

const STEP: ExpressionContext = { stepIds: ["qualify-lead", "send", "1st"], kind: "step" };

function parsed(source: string, context: ExpressionContext = STEP): Expression {
  const result = parseExpression(source, context);
  if (!result.ok) throw new Error(result.problem);
  return result.expression;
}

function problemOf(source: string, context: ExpressionContext = STEP): string {
  const result = parseExpression(source, context);
  return result.ok ? "accepted" : result.problem;
}

function run(source: string, fields: JsonObject = {}, rest: Partial<Scope> = {}): Evaluation {
  return evaluate(parsed(source), { fields, ...rest });
}

function resultOf(source: string, fields: JsonObject = {}, rest: Partial<Scope> = {}): Json {
  const evaluation = run(source, fields, rest);
  if (!evaluation.ok) throw new Error(evaluation.problem);
  return evaluation.value;
}

describe("numbers", () => {
  it.each<[string, Json]>([
    ["n + 1", 6],
    ["1 + n", 6],
    ["n - 1", 4],
    ["n * 2", 10],
    ["n / 2", 2.5],
    ["11 / n", 2.2],
    ["n % 2", 1],
    ["n % n", 0],
    ["-n", -5],
    ["n == 5", true],
    ["5 == n", true],
    ["n != 5", false],
    ["n >= 5", true],
    ["n > 4", true],
    ["n < 5u", false],
    ["n in [1, 5]", true],
    ["size(list) == n - 2", true],
    ["list[1]", 20],
    ["list[i]", 20],
    ["7 / 2", 3],
    ["2u + 3u", 5],
    ["n + 2u", 7],
    ["string(big) + '!'", "50000!"],
  ])("%s is %j", (source, value) => {
    expect(resultOf(source, { n: 5, i: 1, big: 50000, list: [10, 20, 30] })).toEqual(value);
  });

  it("compares two doubles and whole numbers by value", () => {
    expect(resultOf("[1, 2] == l && {'a': 1} == m", { l: [1, 2], m: { a: 1 } })).toBe(true);
    expect(resultOf("deal_value_usd >= 50000", { deal_value_usd: 49999.5 })).toBe(false);
  });

  it.each(["list[3]", "list[i]", "input.list[3]"])(
    "%s of a shorter list names the element",
    (source) => {
      const list = [10, 20, 30];
      const problem = expect.stringContaining("the list has no element 3 (they count from 0)");
      expect(run(source, { i: 3, list }, { input: { list } })).toEqual({ ok: false, problem });
    },
  );

  it("refuses a result that is not a JSON number", () => {
    expect(run("n / 0", { n: 1 })).toMatchObject({ ok: false });
    expect(run("n % 0", { n: 1 })).toMatchObject({ ok: false });
  });
});

describe("names in scope", () => {
  const scope: Partial<Scope> = {
    input: { tier: "gold" },
    run: { id: "wfr_1" },
    steps: new Map([
      ["qualify-lead", { state: "COMPLETED", input: { a: 1 }, output: { value: 7 } }],
      ["1st", { state: "FAILED" }],
    ]),
  };

  it.each<[string, Json]>([
    ["input.tier", "gold"],
    ["run.id", "wfr_1"],
    ["qualify_lead.output.value", 7],
    ["qualify_lead.input.a", 1],
    ["qualify_lead.state", "COMPLETED"],
    ['steps["qualify-lead"].output.value', 7],
    ["steps.qualify_lead.output.value", 7],
    ['steps["1st"].state', "FAILED"],
    ["has(steps.send)", false],
    ["has(steps.qualify_lead)", true],
    ["has(qualify_lead.output)", true],
    ["has(input.other)", false],
    ["own", "field"],
  ])("%s is %j", (source, value) => {
    const fields = { own: "field", run: "hidden", input: "hidden", qualify_lead: "hidden" };
    expect(resultOf(source, fields, scope)).toEqual(value);
  });

  it("knows which steps are read before the expression runs", () => {
    const both = parsed('qualify_lead.output.x > 1 && steps["send"].state == "X"');
    expect([...both.reads].sort()).toEqual(["qualify-lead", "send"]);
    expect(parsed("has(steps.send)").reads).toEqual(["send"]);
    expect(parsed("x.qualify_lead + send_it").reads).toEqual([]);
    expect(parsed("items.all(send, send > 1)").reads).toEqual([]);
    expect(parsed("send.all(s, s > 1) && true").reads).toEqual(["send"]);
    expect(parsed("input.x").readsInput).toBe(true);
    expect(parsed("x.input").readsInput).toBe(false);
  });

  it("prefers a reserved name to a step, and a step to a field", () => {
    const context: ExpressionContext = { stepIds: ["input", "lead"], kind: "step" };
    expect(parsed("input.x", context).reads).toEqual([]);
    expect(parsed('steps["input"].output', context).reads).toEqual(["input"]);
    const lead = parsed("lead.output", context);
    const evaluation = evaluate(lead, { fields: { lead: { output: 1 } } });
    expect(evaluation).toMatchObject({ ok: false });
  });

  it("has only fields and the event in a trigger's filter", () => {
    const filter: ExpressionContext = { stepIds: ["lead"], kind: "trigger_filter" };
    const scope: Scope = {
      fields: { run: 1, steps: { a: 2 }, lead: 3, input: 4 },
      event: { type: "t" },
    };
    const all = parsed('[run, steps["a"], lead, input, event.type]', filter);
    expect(evaluate(all, scope)).toEqual({ ok: true, value: [1, 2, 3, 4, "t"] });
    expect(all.reads).toEqual([]);
    expect(all.readsInput).toBe(false);
  });

  it("has run, steps and event in a wait's filter", () => {
    const filter: ExpressionContext = { stepIds: ["lead"], kind: "wait_filter" };
    const expression = parsed("event.id == run.id && lead.output.x == x && input.y", filter);
    const evaluation = evaluate(expression, {
      fields: { x: 1 },
      event: { id: "a" },
      run: { id: "a" },
      input: { y: true },
      steps: new Map([["lead", { state: "COMPLETED", output: { x: 1 } }]]),
    });
    expect(evaluation).toEqual({ ok: true, value: true });
  });

  it.each([
    "steps[id].state",
    'steps["a" + "b"]',
    "size(steps)",
    "steps",
    'steps["unknown"]',
    "steps.unknown",
    "steps.all(s, true)",
    '"send" in steps',
  ])("refuses %s", (source) => {
    expect(problemOf(source)).toContain("steps");
  });

  it("takes a field for what has the name of a type", () => {
    expect(resultOf('type == "lead" && string == "s"', { type: "lead", string: "s" })).toBe(true);
    expect(run('type == "lead"')).toMatchObject({ ok: false });
    expect(resultOf("type(n) == double", { n: 1 })).toBe(true);
  });
});

describe("keys of users", () => {
  const hostile: JsonObject = JSON.parse(
    '{"constructor": 1, "toString": "t", "__proto__": {"x": 2}, "hasOwnProperty": 3}',
  );

  it("reads constructor, toString and __proto__ as ordinary names", () => {
    expect(resultOf("constructor", hostile)).toBe(1);
    expect(resultOf("toString", hostile)).toBe("t");
    expect(resultOf("__proto__.x", hostile)).toBe(2);
    expect(resultOf("p.__proto__.x + p.constructor", { p: hostile })).toBe(3);
    expect(resultOf('p["toString"]', { p: hostile })).toBe("t");
    expect(resultOf("l[0].constructor", { l: [hostile] })).toBe(1);
  });

  it.each(["constructor", "toString", "__proto__", "hasOwnProperty"])(
    "does not find %s where there is none",
    (name) => {
      expect(run(name)).toMatchObject({ ok: false });
      expect(run(`p.${name}`, { p: {} })).toMatchObject({ ok: false });
      expect(resultOf(`has(p.${name})`, { p: {} })).toBe(false);
      expect(resultOf(`"${name}" in p`, { p: {} })).toBe(false);
    },
  );

  it("makes results with such keys without touching a prototype", () => {
    const value = resultOf("{'__proto__': {'polluted': true}, 'a': p}", { p: hostile });
    expect(Object.keys(Object(value))).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(JSON.stringify(resultOf("p", { p: hostile }))).toBe(JSON.stringify(hostile));
  });

  it("does not take a dotted key for a path", () => {
    const steps = new Map([["send", { state: "COMPLETED", output: {} }]]);
    expect(resultOf("send.state", { "send.state": "forged" }, { steps })).toBe("COMPLETED");
  });

  it("counts a key with a null value as present", () => {
    expect(resultOf("has(p.a) && 'a' in p && p.a == null", { p: { a: null } })).toBe(true);
  });
});

describe("results", () => {
  it.each<[string, Json]>([
    ["'a'", "a"],
    ["null", null],
    ["[1, 2u, 3.5]", [1, 2, 3.5]],
    ["{1: 'a', true: 'b', 'c': [1]}", { "1": "a", true: "b", c: [1] }],
    ["timestamp('2024-05-01T10:00:00Z')", "2024-05-01T10:00:00Z"],
    ["duration('90s')", "90s"],
    ["timestamp('2024-05-01T10:00:00Z') - timestamp('2024-05-01T09:00:00Z')", "3600s"],
    ["b'\\xff\\x00a'", "/wBh"],
    ["b'ab'", "YWI="],
    ["type(1)", "int"],
    ["[1, 2, 3].map(x, x * 2)", [2, 4, 6]],
    ["[1, 2, 3].filter(x, x > 1)", [2, 3]],
    ["[1, 2, 3].map(x, x > 1, x * 2)", [4, 6]],
    ["[1, 2, 3].exists_one(x, x > 2)", true],
    ["{'a': 1, 'b': 2}.map(k, k)", ["a", "b"]],
    ["size('a😀') + size([1]) + size({'a': 1})", 4],
    ["true ? 'x' : nothing", "x"],
  ])("%s is %j", (source, value) => {
    expect(resultOf(source)).toEqual(value);
  });

  it("hands payload values on as they are", () => {
    const payload = { deep: [{ a: [1, { b: null }] }], text: "x" };
    expect(resultOf("p", { p: payload })).toBe(payload);
    expect(resultOf("p.deep[0]", { p: payload })).toBe(payload.deep[0]);
  });
});

describe("failures", () => {
  it("name the expression and the missing name", () => {
    const steps = new Map([["qualify-lead", { state: "COMPLETED", output: { value: 1 } }]]);
    expect(run("qualify_lead.output.valu >= 5", {}, { steps })).toEqual({
      ok: false,
      problem: 'expression "qualify_lead.output.valu >= 5": no such field "valu"',
    });
    expect(run("deal > 5")).toEqual({
      ok: false,
      problem: 'expression "deal > 5": no such name "deal"',
    });
    expect(run("qualify_lead.output.x")).toEqual({
      ok: false,
      problem: 'expression "qualify_lead.output.x": the step "qualify-lead" has not finished',
    });
    expect(run("(true ? a : b) > 1")).toMatchObject({
      problem: expect.stringContaining('no such name "a"'),
    });
    expect(run("m.k.x", { m: { k: 1 } })).toMatchObject({
      problem: expect.stringContaining('no such field "x"'),
    });
    expect(run("m['k']", { m: {} })).toMatchObject({ problem: expect.stringContaining("k") });
  });

  it.each(["l[5]", "l['a']", "l[0.5]", "s.a", "s + 1", "1 / 0", "int('x')", "l[missing]", "s()"])(
    "%s is a problem, not an exception",
    (source) => {
      const result = parseExpression(source, STEP);
      if (!result.ok) return expect(result.problem).toContain(source);
      const evaluation = evaluate(result.expression, { fields: { l: [1], s: "x" } });
      expect(evaluation).toMatchObject({ ok: false, problem: expect.stringContaining(source) });
    },
  );

  it.each([
    "",
    "  ",
    "a b",
    "a &&",
    "(",
    "foo(1)",
    "a.foo()",
    "'a'.startsWith()",
    "size()",
    "'a",
    "a.b.",
  ])("refuses %j when it is parsed", (source) => {
    expect(problemOf(source)).toContain(`expression "${source}"`);
  });

  it("refuses `has` of one name, and says of what it is", () => {
    expect(problemOf("has(note)")).toContain("has takes a path of two names or more");
  });

  it("refuses message types", () => {
    expect(problemOf("google.protobuf.Duration{seconds: 1}")).toContain("message type");
  });

  it("shortens what it repeats", () => {
    expect(run(`bool('${"x".repeat(2000)}')`)).toMatchObject({ ok: false });
    const evaluation = run(`bool('${"x".repeat(2000)}')`);
    expect(evaluation.ok ? 0 : evaluation.problem.length).toBeLessThan(500);
  });
});

describe("holds", () => {
  it("is true for true alone", () => {
    const scope: Scope = { fields: { t: true, one: 1, text: "true", list: [], no: null } };
    expect(holds(parsed("t"), scope)).toEqual({ holds: true });
    expect(holds(parsed("!t"), scope)).toEqual({ holds: false });
    for (const source of ["one", "text", "list", "no", "'yes'", "1"]) {
      expect(holds(parsed(source), scope)).toMatchObject({
        holds: false,
        problem: expect.stringContaining("neither true nor false"),
      });
    }
  });

  it("takes an error for false, and says so", () => {
    const result = holds(parsed("missing"), { fields: {} });
    expect(result).toEqual({
      holds: false,
      problem: 'expression "missing": no such name "missing"',
    });
    expect(holds(parsed("!missing"), { fields: {} }).holds).toBe(false);
    expect(holds(parsed("missing || true"), { fields: {} })).toEqual({ holds: true });
  });
});
