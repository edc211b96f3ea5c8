// The cost of expressions is bounded: before they run by what they may hold, then by what they read.

import { describe, expect, it } from "vitest";
import {
  type Evaluation,
  type ExpressionContext,
  evaluate,
  parseExpression,
} from "../../src/engine/expression/expression.ts";
import type { Json, JsonObject } from "../../src/engine/values/json.ts";
import { cpuMsOf } from "../support/assertions/cpu-time.ts";

const STEP: ExpressionContext = { stepIds: [], kind: "step" };

function problemOf(source: string): string {
  const result = parseExpression(source, STEP);
  return result.ok ? "accepted" : result.problem;
}

function run(source: string, fields: JsonObject = {}): Evaluation {
  const result = parseExpression(source, STEP);
  if (!result.ok) throw new Error(result.problem);
  return evaluate(result.expression, { fields });
}

function sum(terms: number): string {
  return Array.from({ length: terms }, () => "a").join("+");
}

describe("bounds known before it runs", () => {
  it("takes at most 250 nodes", () => {
    expect(problemOf(sum(125))).toBe("accepted");
    expect(problemOf(sum(126))).toContain("251 nodes, the limit is 250");
    expect(problemOf(sum(2000))).toContain("the limit is 250");
  });

  it("takes at most one comprehension", () => {
    expect(problemOf("a.all(x, x > 1)")).toBe("accepted");
    expect(problemOf("a.all(x, x > 1) && b.exists(y, y > 1)")).toContain("2 comprehensions");
    expect(problemOf("a.all(x, b.all(y, c.all(z, x + y + z > 1)))")).toContain("3 comprehensions");
    expect(problemOf("a.map(x, x).filter(x, x > 1)")).toContain("2 comprehensions");
  });

  it("takes a body of at most 30 nodes", () => {
    expect(problemOf(`l.all(x, ${sum(13)} > 1 && !b)`)).toBe("accepted");
    expect(problemOf(`l.all(x, ${sum(14)} > 1 && b)`)).toContain("31 nodes, the limit is 30");
    expect(problemOf(`l.all(x, has(x.a) && ${sum(14)} > 1)`)).toContain("the limit is 30");
  });

  it("takes at most 4 KiB of text", () => {
    expect(problemOf(`'${"x".repeat(4094)}'`)).toBe("accepted");
    expect(problemOf(`'${"x".repeat(4095)}'`)).toContain("4097 bytes, the limit is 4096");
    expect(problemOf(`'${"€".repeat(1400)}'`)).toContain("4202 bytes");
  });

  it.each(["(", "[", "{1:", "-(", "f("])("takes no deep nesting of %s", (open) => {
    expect(problemOf(`${open.repeat(1000)}a`)).toMatch(/brackets|costs too much/);
  });

  it("takes only modest regular expressions, as literals", () => {
    expect(problemOf("a.matches('^x+$')")).toBe("accepted");
    expect(problemOf("a.matches(b)")).toContain("literal");
    expect(problemOf("a.matches('x' + 'y')")).toContain("literal");
    expect(problemOf(`a.matches('${"x".repeat(257)}')`)).toContain("the limit is 256");
    expect(problemOf("a.matches('(')")).toContain("malformed");
    expect(problemOf("a.matches('(.{100}){9}')")).toContain("too large");
  });
});

describe("bounds on what it reads", () => {
  it("takes a range of at most 2,000 items", () => {
    const list = (length: number) => Array.from({ length }, () => 1);
    expect(run("l.all(x, x == 1)", { l: list(2000) })).toEqual({ ok: true, value: true });
    const tooLong = run("l.all(x, x == 1)", { l: list(2001) });
    expect(tooLong.ok ? "" : tooLong.problem).toContain("range of 2001 items is too long");
    expect(run("l.all(x, x == 1) || true", { l: list(2001) }).ok).toBe(true);
  });

  it("gives at most 1 MiB", () => {
    const huge = run("l.map(x, p)", { l: Array(2000).fill(1), p: { text: "x".repeat(200_000) } });
    expect(huge.ok ? "" : huge.problem).toContain("more than 1048576 bytes");
  });

  it("matches without backtracking", () => {
    expect(run("a.matches('^(a+)+$')", { a: `${"a".repeat(2000)}!` })).toEqual({
      ok: true,
      value: false,
    });
  });
});

const text = "a".repeat(250_000);
const numbers = Array.from({ length: 100_000 }, (_, i) => i % 10);
const objects: Json[] = Array.from({ length: 30_000 }, (_, i) => ({ i }));
const wide: JsonObject = Object.fromEntries(numbers.map((_, i) => [`k${i % 20_000}`, i]));
const bombs: JsonObject = {
  s: text,
  t: `${text.slice(1)}b`,
  needle: `b${"a".repeat(100_000)}`,
  zone: "Europe/Paris",
  digits: "9".repeat(250_000),
  mixed: Array.from({ length: 60_000 }, (_, i) => String.fromCharCode(97 + ((i * i) % 26))).join(
    "",
  ),
  l: numbers.slice(0, 2000),
  big: numbers,
  big2: [...numbers],
  objects,
  objects2: structuredClone(objects),
  wide,
  wide2: { ...wide },
};

const repeat = (part: string, by: string, times: number) => Array(times).fill(part).join(by);

describe("cost bombs end within 50 ms", () => {
  it.each(
    [
      `size(${repeat("s", "+", 120)})`,
      `${repeat("s", "+", 120)} == ${repeat("s", "+", 4)}`,
      repeat("size(s)", "+", 80),
      `l.map(x, ${repeat("s", "+", 14)})`,
      `l.all(x, ${repeat("s != t", "&&", 7)})`,
      `l.all(x, ${repeat("s < t", "&&", 7)})`,
      `l.all(x, ${repeat("!s.contains(needle)", "&&", 5)})`,
      `l.all(x, ${repeat("!s.startsWith(t)", "&&", 5)})`,
      `l.all(x, ${repeat("!s.matches('(a|b)*c$')", "&&", 5)})`,
      "mixed.matches('(a.{20}z|b.{30}z|a.{40}z)$')",
      "s.matches('(.{200})b')",
      `l.all(x, ${repeat("!(77 in big)", "&&", 5)})`,
      `l.all(x, ${repeat("big == big2", "&&", 7)})`,
      "big == big2",
      "objects == objects2",
      "wide == wide2",
      `l.all(x, objects == objects2)`,
      `l.all(x, wide == wide2)`,
      `l.all(x, size(wide) > 1 && !('x' in wide))`,
      `l.all(x, !has(wide.missing) && wide.k5 != 1)`,
      `size(${repeat("big", "+", 120)})`,
      `l.map(x, ${repeat("big", "+", 14)})`,
      `l.map(x, ${"[".repeat(13)}x${"]".repeat(13)})`,
      `l.map(x, [${repeat("x", ",", 28)}])`,
      "l.filter(x, x >= 0)",
      `l.all(x, ${repeat("x < 100", "&&", 7)})`,
      `l.all(x, ${repeat("x", "+", 14)} < 1000.0)`,
      `l.map(x, ${repeat("string(x)", "+", 10)})`,
      `l.all(x, timestamp('2024-05-01T10:00:00Z').getHours(zone) == 12)`,
      `l.all(x, timestamp('2024-05-01T10:00:00Z') > timestamp('2023-05-01T10:00:00Z'))`,
      "int(digits) > 1",
      `l.all(x, bytes(s) != bytes(t))`,
      `l.exists(x, wide[x] == 1)`,
      `${"[".repeat(40)}big${"]".repeat(40)}`,
      `[${repeat("objects", ",", 200)}]`,
    ].map((source) => ({ source, title: source.slice(0, 60) })),
  )("$title", ({ source }) => {
    // The fastest of several: other load of the machine does not count.
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 20 && quickestMs >= 50; round += 1) {
      quickestMs = Math.min(
        quickestMs,
        cpuMsOf(() => run(source, bombs)),
      );
    }
    expect(quickestMs).toBeLessThan(50);
  });
});

describe("a comprehension whose every turn fails ends within 20 ms", () => {
  it.each([
    "l.all(x, x)",
    "l.all(x, s ? 1 : 2)",
    "l.exists(x, x + s)",
    "l.all(x, missing)",
    "l.exists(x, objects[0].kind == 'a')",
  ])("%s", (source) => {
    const limit = Error.stackTraceLimit;
    const result = parseExpression(source, STEP);
    if (!result.ok) throw new Error(result.problem);
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 20 && quickestMs >= 20; round += 1) {
      quickestMs = Math.min(
        quickestMs,
        cpuMsOf(() => expect(evaluate(result.expression, { fields: bombs }).ok).toBe(false)),
      );
    }
    expect(quickestMs).toBeLessThan(20);
    expect(Error.stackTraceLimit).toBe(limit);
  });
});
