/**
 * Expressions and templates that nobody would write: each is refused in words or evaluated within its bounds, and a
 * condition is true, false or a visible failure.
 */
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import {
  type ExpressionContext,
  evaluate,
  holds,
  parseExpression,
  type Scope,
} from "../../src/engine/expression/expression.ts";
import {
  expressionsIn,
  parseTemplate,
  renderTemplate,
} from "../../src/engine/expression/template.ts";
import { checkVersion, checkVersionInPieces } from "../../src/engine/graph/check.ts";
import { compileGraph } from "../../src/engine/graph/compile.ts";
import type { JsonObject } from "../../src/engine/values/json.ts";
import { MAX_PAYLOAD_BYTES } from "../../src/engine/values/limits.ts";
import { quickestCpuMs, quickestPieceMs } from "../support/assertions/cpu-time.ts";
import { QUIET_MS, requireBrief } from "../support/assertions/loop-held.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { fuzzRuns, fuzzTimeoutMs, IS_REPLAY } from "../support/random/fuzz-runs.ts";
import { expressions, templates } from "../support/random/random-expressions.ts";

const EXPRESSIONS = 2_500;
const CONDITIONS = 1_500;
const TEMPLATES = 1_000;
/** One text of a config, of which four fit in a request. A template stands twice in its config. */
const TEXT_CHARS = MAX_PAYLOAD_BYTES - 100;

const text = "a".repeat(45_000);
const numbers = Array.from({ length: 25_000 }, (_, at) => at % 10);
/** Nearly as large as a payload may be. */
const fields: JsonObject = {
  ...{ s: text, t: `${text.slice(1)}b`, n: 7, flag: true, none: null, l: numbers.slice(0, 2_000) },
  ...{ big: numbers, objects: numbers.slice(0, 4_000).map((i) => ({ i })) },
  wide: Object.fromEntries(numbers.map((_, at) => [`k${at % 4_000}`, at])),
  mixed: numbers.map((at) => String.fromCharCode(97 + ((at * at) % 26))).join(""),
  ...JSON.parse('{"constructor":{"prototype":1},"toString":"own"}'),
};
const scope: Scope = {
  fields,
  input: fields,
  run: { id: "wfr_1" },
  event: { type: "x", data: { amount: 1 } },
  steps: new Map([["other-step", { state: "COMPLETED", input: {}, output: fields }]]),
};
const KINDS: ExpressionContext["kind"][] = ["step", "edge", "trigger_filter", "wait_filter"];
const contexts = fc.record({
  kind: fc.constantFrom(...KINDS),
  isNew: fc.boolean(),
  stepIds: fc.constant(["other-step", "x"]),
});
const seen = { refused: 0, values: 0, failures: 0, held: 0, published: 0 };

/** Throws what the work throws; fails when it takes too long however often it is done. */
function inTime(work: () => void): void {
  requireBrief(quickestCpuMs(work, QUIET_MS));
}

it(
  "an expression is refused or evaluated, and never throws",
  () => {
    const property = fc.property(expressions, contexts, (source, context) => {
      let parsed: ReturnType<typeof parseExpression> | undefined;
      inTime(() => {
        parsed = parseExpression(source, context);
      });
      if (parsed?.ok !== true) {
        seen.refused += 1;
        expect(parsed?.problem).toMatch(/^expression "/);
        return;
      }
      const { expression } = parsed;
      let result: ReturnType<typeof evaluate> | undefined;
      inTime(() => {
        result = evaluate(expression, scope);
      });
      const held = holds(expression, scope);
      if (result?.ok !== true) {
        seen.failures += 1;
        expect(result?.problem).toMatch(/^expression "/);
        expect(held).toEqual({ holds: false, problem: result?.problem });
        return;
      }
      seen.values += 1;
      expect(held.holds).toBe(result.value === true);
      expect(held.problem === undefined).toBe(typeof result.value === "boolean");
      if (held.holds) seen.held += 1;
    });
    fc.assert(property, fuzzRuns(EXPRESSIONS));
  },
  fuzzTimeoutMs(240_000),
);

it(
  "a version with one as its conditions and filters is published or refused with its fields",
  () => {
    const orPlain = fc.oneof(
      expressions,
      fc.constantFrom("", "event.data.n > 1", "x.state == 'a'"),
    );
    const cut = orPlain.map((source) => source.slice(0, TEXT_CHARS));
    const property = fc.property(cut, cut, (condition, filter) => {
      const waits = stepOf("b", {
        stepType: "WAIT_FOR_EVENT",
        eventTypePattern: "x",
        config: { filter_expr: filter },
      });
      const spec = versionOf(
        [stepOf("a", { stepType: "BRANCH", conditionExpr: condition }), waits],
        [{ fromStepId: "a", toStepId: "b", label: "", conditionExpr: condition }],
        { trigger: triggerOf({ triggerType: "EVENT", eventType: "x", filterExpr: filter }) },
      );
      requireBrief(quickestPieceMs(() => checkVersionInPieces(spec), QUIET_MS));
      const faults = checkVersion(spec);
      for (const { field } of faults) expect(field).toMatch(/^(steps|edges|trigger)\b/);
      if (faults.length > 0) return;
      seen.published += 1;
      expect(compileGraph(spec).order).toHaveLength(2);
    });
    fc.assert(property, fuzzRuns(CONDITIONS));
  },
  fuzzTimeoutMs(240_000),
);

it(
  "a template is refused or rendered, and never throws",
  () => {
    const cut = templates.map((source) => source.slice(0, TEXT_CHARS / 2));
    const property = fc.property(cut, contexts, (source, context) => {
      const value = { list: [source], deep: { text: source } };
      // As a version is read: its expressions one by one, kept by their texts, then the template.
      const own = { ...context, parsed: new Map() };
      for (const expression of new Set(expressionsIn(source))) {
        inTime(() => parseExpression(expression, context));
        parseExpression(expression, own);
      }
      let parsed: ReturnType<typeof parseTemplate> | undefined;
      inTime(() => {
        parsed = parseTemplate(value, own, "config");
      });
      if (parsed?.ok !== true) {
        for (const { path } of parsed?.faults ?? []) expect(path).toMatch(/^config\./);
        expect(parsed?.faults.length).toBeGreaterThan(0);
        return;
      }
      const { template } = parsed;
      inTime(() => {
        const rendered = renderTemplate(template, scope);
        if (!rendered.ok) expect(rendered.problem).not.toBe("");
        else expect(Object.keys(Object(rendered.value))).toEqual(["list", "deep"]);
      });
    });
    fc.assert(property, fuzzRuns(TEMPLATES));
  },
  fuzzTimeoutMs(240_000),
);

afterAll(() => {
  if (IS_REPLAY) return;
  // The grammar is worth something only while all of these come often.
  for (const [name, times] of Object.entries(seen)) {
    expect(times, name).toBeGreaterThan(4);
  }
});
