/** Two people's changes of one text: both are in the result, or a person decides. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { mergeTexts } from "../../../console/src/parts/workflows/draft/merge-texts.ts";

const BASE = "a\nb\nc\nd\ne\n";

it.each([
  ["changes of different lines", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n"],
  ["an added and a removed line", "a\nb\nc\nd\ne\nf\n", "a\nc\nd\ne\n", "a\nc\nd\ne\nf\n"],
  ["the same change by both", "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n"],
  ["nothing of mine", BASE, "x\n", "x\n"],
  ["nothing of theirs", "x\n", BASE, "x\n"],
])("keeps %s", (_, mine, theirs, merged) => {
  expect(mergeTexts(BASE, mine, theirs)).toBe(merged);
});

it.each([
  ["the same line in two ways", "a\nX\nc\nd\ne\n", "a\nY\nc\nd\ne\n"],
  ["neighbouring lines", "a\nX\nc\nd\ne\n", "a\nb\nY\nd\ne\n"],
  ["lines at the same place", "a\nb\nX\nc\nd\ne\n", "a\nb\nY\nc\nd\ne\n"],
  ["a line that the other removed", "a\nX\nc\nd\ne\n", "a\nc\nd\ne\n"],
])("does not merge %s", (_, mine, theirs) => {
  expect(mergeTexts(BASE, mine, theirs)).toBeUndefined();
  expect(mergeTexts(BASE, theirs, mine)).toBeUndefined();
});

const text = fc
  .array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 10 })
  .map((lines) => `${lines.join("\n")}\n`);

it("gives the same whoever is asked, and all of a change that stands alone", () => {
  fc.assert(
    fc.property(text, text, text, (base, mine, theirs) => {
      expect(mergeTexts(base, mine, theirs)).toBe(mergeTexts(base, theirs, mine));
      expect(mergeTexts(base, mine, base)).toBe(mine);
    }),
  );
});
