// Templates: texts with expressions in them, anywhere inside a value.

import { describe, expect, it } from "vitest";
import type { ExpressionContext, Scope } from "../../../../src/engine/expression/expression.ts";
import {
  parseTemplate,
  renderTemplate,
  type Template,
} from "../../../../src/engine/expression/template.ts";
import type { Json } from "../../../../src/engine/values/json.ts";

const STEP: ExpressionContext = { stepIds: ["qualify-lead"], kind: "step" };
const SCOPE: Scope = {
  fields: { n: 5, s: "text", o: { a: [1, null] }, no: null },
  input: { id: "i1" },
};

function parsed(value: Json): Template {
  const result = parseTemplate(value, STEP, "config");
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.template;
}

function rendered(value: Json): Json {
  const result = renderTemplate(parsed(value), SCOPE);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
}

describe("rendering", () => {
  it.each<[Json, Json]>([
    ["{{ n }}", 5],
    ["{{n}}", 5],
    ["{{ o }}", { a: [1, null] }],
    ["{{ no }}", null],
    ["{{ s }}", "text"],
    ["n is {{ n }}, s is {{ s }}.", "n is 5, s is text."],
    ["{{ o }}!", '{"a":[1,null]}!'],
    [" {{ n }}", " 5"],
    ["{{ n }}{{ n }}", "55"],
    ["{{ {'a': {'b': n}} }}", { a: { b: 5 } }],
    ["{{ {'a': {'b': n}}}}", { a: { b: 5 } }],
    ["{{ '}}' + s }}", "}}text"],
    ['{{ "it\'s }}" }}', "it's }}"],
    ["{{ r'\\' + s }}", "\\text"],
    ["{{ '{{' }} and }}", "{{ and }}"],
    ["{{ n // it's {not} a value }}", 5],
    ["{{ n // don't\n + 1 }}", 6],
    ["{{ n // }} and {{ s // }}!", "5 and text!"],
    ["{{ {'a': n // one }}\n} }}", { a: 5 }],
    ["{{ 'http://x/' + s }}", "http://x/text"],
    ["{{ '''it's }}''' }}", "it's }}"],
    ['a literal {{ "{{" }} and {{ "}}" }}', "a literal {{ and }}"],
    ["no template", "no template"],
    [3, 3],
    [null, null],
    [
      ["{{ n }}", { x: "{{ s }}-{{ n }}", y: true }],
      [5, { x: "text-5", y: true }],
    ],
    [{ "{{ n }}": "{{ n }}" }, { "{{ n }}": 5 }],
  ])("%j gives %j", (value, result) => {
    expect(rendered(value)).toEqual(result);
  });

  it("keeps keys such as __proto__", () => {
    const value: Json = JSON.parse('{"__proto__": "{{ n }}", "constructor": "{{ s }}"}');
    expect(JSON.stringify(rendered(value))).toBe('{"__proto__":5,"constructor":"text"}');
  });

  it("names the expression that fails", () => {
    const template = parsed({ a: "{{ n }}", b: ["x {{ qualify_lead.output.x }}"] });
    expect(renderTemplate(template, SCOPE)).toEqual({
      ok: false,
      problem: 'expression "qualify_lead.output.x": the step "qualify-lead" has not finished',
    });
  });

  it("has one limit for all its values together", () => {
    const template = parsed(Array(200).fill("{{ s }}"));
    const result = renderTemplate(template, { fields: { s: "x".repeat(100_000) } });
    expect(result).toEqual({ ok: false, problem: expect.stringContaining("1048576 bytes") });
  });
});

describe("parsing", () => {
  it("knows what is read", () => {
    const template = parsed({ a: "{{ qualify_lead.output.x }}", b: "{{ input.id }}" });
    expect(template).toMatchObject({
      reads: ["qualify-lead"],
      readsInput: true,
      constant: false,
    });
    expect(parsed(["a", 1])).toMatchObject({ reads: [], readsInput: false, constant: true });
  });

  it("reports every fault with its path", () => {
    const value = { input: { subject: "{{ a + }}", list: ["ok", "{{ b", "{{}} {{ foo(1) }}"] } };
    const result = parseTemplate(value, STEP, "steps[2].config");
    expect(result.ok ? [] : result.faults.map(({ path }) => path)).toEqual([
      "steps[2].config.input.subject",
      "steps[2].config.input.list[1]",
      "steps[2].config.input.list[2]",
      "steps[2].config.input.list[2]",
    ]);
  });

  it("takes a limited number of expressions", () => {
    expect(parseTemplate(Array(250).fill("{{ n }}"), STEP, "c").ok).toBe(true);
    expect(parseTemplate(Array(251).fill("{{ n }}"), STEP, "c")).toMatchObject({
      ok: false,
      faults: [{ path: "c", problem: expect.stringContaining("250") }],
    });
  });
});
