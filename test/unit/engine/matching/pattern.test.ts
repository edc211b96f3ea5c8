// Event patterns: NATS wildcards over tokens cut at dots and slashes.

import { describe, expect, it } from "vitest";
import {
  findSlip,
  isLiteral,
  matchesPattern,
  type Pattern,
  parsePattern,
} from "../../../../src/engine/matching/pattern.ts";

function parsed(text: string): Pattern {
  const result = parsePattern(text);
  if (!result.ok) throw new Error(result.problem);
  return result.pattern;
}

describe("matchesPattern", () => {
  it.each([
    ["a.b", "a.b", true],
    ["a.b", "a.b.c", false],
    ["a.b", "a/b", true],
    ["a/b/created", "a.b.created", true],
    ["a/b/created", "a.b/created", true],
    ["a/b/created", "a.b.created.x", false],
    ["a/*/created", "a.b.created", true],
    ["a.*", "a/b", true],
    ["a.>", "a/b/c", true],
    ["a.b", "A.b", false],
    ["*", "a", true],
    ["*", "a.b", false],
    ["*", "a/b", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["a.*", "a.b.c", false],
    ["a.*.c", "a.b.c", true],
    ["a.*.c", "a.b.d", false],
    ["contact/*", "contact/12", true],
    ["contact/*", "contact/12/notes", false],
    ["contact/*.updated", "contact/12.updated", true],
    [">", "a", true],
    [">", "a.b/c", true],
    ["a.>", "a.b", true],
    ["a.>", "a.b.c/d", true],
    ["a.>", "a", false],
    ["a/>", "a/b.c", true],
    ["*.>", "a.b", true],
    ["*.>", "a", false],
    ["/contacts/*", "/contacts/7", true],
    ["toString", "constructor", false],
  ])("%s on %s is %s", (pattern, text, matches) => {
    expect(matchesPattern(parsed(pattern), text)).toBe(matches);
  });
});

describe("parsePattern", () => {
  it.each(["", ">.a", "a.>.b", "a*", "a.b>", "**", "a.\u0000", "a\n", "x".repeat(1025)])(
    "refuses %j",
    (text) => {
      expect(parsePattern(text)).toMatchObject({ ok: false, problem: expect.any(String) });
    },
  );

  it("knows a pattern without wildcards", () => {
    expect(isLiteral(parsed("a.b/c"))).toBe(true);
    expect(isLiteral(parsed("a.*"))).toBe(false);
    expect(isLiteral(parsed("a.>"))).toBe(false);
    expect(isLiteral(parsed(">"))).toBe(false);
  });
});

describe("findSlip", () => {
  it.each([" a", "a.b ", "a..b", ".a", "a."])("finds one in %j", (text) => {
    expect(findSlip(text)).toMatch(/^the pattern \w+/);
  });

  it.each(["a b", "/deals/7", "https://crm/7", "a/", "*", "a.>"])("finds none in %j", (text) => {
    expect(findSlip(text)).toBeUndefined();
  });
});
