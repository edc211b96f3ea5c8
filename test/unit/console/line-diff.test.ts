/** Two texts line by line: both can be read out of the result, and no shorter result is possible. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { diffLines, partsOf } from "../../../console/src/parts/workflows/line-diff.ts";

const text = fc
  .array(fc.constantFrom("a", "b", "c", ""), { maxLength: 14 })
  .map((lines) => lines.join("\n"));

function linesIn(whole: string): string[] {
  if (whole === "") return [];
  return (whole.endsWith("\n") ? whole.slice(0, -1) : whole).split("\n");
}

/** The length of the longest common subsequence, by its definition. */
function commonLines(a: readonly string[], b: readonly string[]): number {
  const [first, ...rest] = a;
  if (first === undefined || b.length === 0) return 0;
  const at = b.indexOf(first);
  const without = commonLines(rest, b);
  return at < 0 ? without : Math.max(without, 1 + commonLines(rest, b.slice(at + 1)));
}

it("has both texts in their order, and as few changes as there can be", () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = diffLines(before, after);
      const of = (kind: "added" | "removed") => lines.filter((line) => line.kind !== kind);
      expect(of("added").map((line) => line.text)).toEqual(linesIn(before));
      expect(of("removed").map((line) => line.text)).toEqual(linesIn(after));
      expect(of("added").map((line) => line.before)).toEqual(of("added").map((_, at) => at + 1));
      expect(of("removed").map((line) => line.after)).toEqual(of("removed").map((_, at) => at + 1));
      const same = lines.filter(({ kind }) => kind === "same").length;
      expect(same).toBe(commonLines(linesIn(before), linesIn(after)));
    }),
    { numRuns: 300 },
  );
});

it("shows what differs as a whole where two long texts have little in common", () => {
  const before = Array.from({ length: 3_000 }, (_, at) => `old ${at}`).join("\n");
  const after = Array.from({ length: 3_000 }, (_, at) => `new ${at}`).join("\n");
  const lines = diffLines(`first\n${before}`, `first\n${after}`);
  expect(lines.map(({ kind }) => kind)).toEqual([
    "same",
    ...Array(3_000).fill("removed"),
    ...Array(3_000).fill("added"),
  ]);
});

it("keeps three equal lines around each change, and closes the others", () => {
  const before = Array.from({ length: 20 }, (_, at) => `line ${at}`);
  const after = before.with(10, "another");
  const parts = partsOf(diffLines(before.join("\n"), after.join("\n")));
  expect(parts.map(({ kind, lines }) => [kind, lines.length])).toEqual([
    ["gap", 7],
    ["lines", 8],
    ["gap", 6],
  ]);
});
