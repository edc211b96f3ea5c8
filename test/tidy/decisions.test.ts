/** docs/decisions has one shape: numbers without a gap, a date, three sections, and a line in the index. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const FOLDER = new URL("../../docs/decisions/", import.meta.url);
const INDEX = "README.md";
const FILES = readdirSync(FOLDER)
  .filter((file) => file !== INDEX)
  .sort();

/** The text of a page of the folder. */
function read(file: string): string {
  return readFileSync(new URL(file, FOLDER), "utf8");
}

/** The number and title of a decision, as its first line has them. */
function titleOf(file: string): string {
  return /^# (.+)\n/.exec(read(file))?.[1] ?? "";
}

test.each(FILES)("%s has its number, a date and the three sections", (file) => {
  const number = String(FILES.indexOf(file) + 1).padStart(4, "0");
  expect(file).toMatch(new RegExp(`^${number}-[a-z0-9-]+\\.md$`));
  expect(titleOf(file)).toMatch(new RegExp(`^${number} `));
  expect(read(file)).toMatch(/^Dates?: \d{4}-\d\d-\d\d(, \d{4}-\d\d-\d\d)*$/m);
  const sections = [...read(file).matchAll(/^## (.+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(["Context", "Decision", "Consequences"]);
});

test("the index links to every decision once, with its title", () => {
  const lines = read(INDEX).match(/^- \[.+\]\(.+\)$/gm) ?? [];
  expect(lines.sort()).toEqual(FILES.map((file) => `- [${titleOf(file)}](${file})`).sort());
});
