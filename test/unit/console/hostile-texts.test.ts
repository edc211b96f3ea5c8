/** Payloads of others: as rows, as finds, and with their hidden characters named. */
import { expect, it } from "vitest";
import {
  bytesWords,
  findIn,
  openAll,
  openAtFirst,
  rowsOf,
} from "../../../console/src/parts/json-rows.ts";
import { cutText, visiblePieces, visibleText } from "../../../console/src/parts/visible-text.ts";

it.each([
  ["a right-to-left override", "abc\u202egpj.exe", "abc⟨U+202E⟩gpj.exe"],
  ["an isolate", "\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"],
  ["an escape of terminals", "\u001b[31mred", "⟨U+001B⟩[31mred"],
  ["a bell and a carriage return", "a\u0007b\rc", "a⟨U+0007⟩b⟨U+000D⟩c"],
  ["characters without a width", "a\u200bb\ufeffc", "a⟨U+200B⟩b⟨U+FEFF⟩c"],
  ["a character of tags", "a\u{e0041}b", "a⟨U+E0041⟩b"],
  ["half of a pair", "a\ud83db", "a⟨U+D83D⟩b"],
  ["separators of lines", "a\u2028b\u0085c", "a⟨U+2028⟩b⟨U+0085⟩c"],
  ["a filler", "a\u3164b", "a⟨U+3164⟩b"],
])("names %s", (_, text, shown) => {
  expect(visibleText(text)).toBe(shown);
  expect(visiblePieces(text).map((piece) => piece.text)).toEqual(expect.any(Array));
  expect(
    visiblePieces(text)
      .map((piece) => piece.text)
      .join(""),
  ).toBe(text);
});

it("leaves letters of all scripts, line feeds, tabs and pictures as they are", () => {
  const text = "שלום مرحبا 漢字 e\u0301 😀\n\tnext";
  expect(visibleText(text)).toBe(text);
});

it("cuts a long text without halving a pair", () => {
  expect(cutText("ab😀", 3).isWellFormed()).toBe(true);
  expect(cutText("abc", 3)).toBe("abc");
});

it("shows a tree of any depth and width in a bounded number of rows", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 50_000; level += 1) deep = { d: deep };
  const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, { n }]));
  for (const value of [deep, wide, [wide, deep]]) {
    expect(rowsOf(value, openAtFirst(value)).length).toBeLessThanOrEqual(400);
    expect(rowsOf(value, openAll(value)).length).toBeLessThanOrEqual(2_000);
  }
});

it("stands for children that are not shown by how many they are", () => {
  const list = Array.from({ length: 250 }, (_, n) => n);
  const rows = rowsOf(list, openAtFirst(list));
  expect(rows).toHaveLength(102);
  expect(rows.at(-1)).toMatchObject({ hidden: 150 });
  const more = rowsOf(list, { paths: new Set(["$"]), shown: new Map([["$", 200]]) });
  expect(more.at(-1)).toMatchObject({ hidden: 50 });
});

it("keeps keys apart that look like paths", () => {
  const value = { 'a."b': 1, a: { b: 2, "": 3 }, __proto__x: { constructor: 4 } };
  const paths = rowsOf(value, openAll(value)).map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths).toContain('$."__proto__x"."constructor"');
});

it("finds keys and values in upper or lower case, 100 at most", () => {
  const value = { order: { lines: [{ Name: "Hotel" }, { name: "hotel bar" }] } };
  expect(findIn(value, "HOTEL").map(({ place }) => place)).toEqual([
    "order.lines[0].Name",
    "order.lines[1].name",
  ]);
  expect(findIn(value, "name")).toHaveLength(2);
  expect(findIn(value, "")).toEqual([]);
  expect(findIn(Array(500).fill("x"), "x")).toHaveLength(100);
});

it("says sizes in words", () => {
  expect([0, 1_023, 1_024, 262_144, 5 * 1_024 * 1_024].map(bytesWords)).toEqual([
    ...["0 B", "1023 B", "1.0 KiB", "256.0 KiB", "5.0 MiB"],
  ]);
});
