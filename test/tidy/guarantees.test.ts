/** docs/guarantees.md has every guarantee and seeded bug once, and each guarantee names tests and faults that exist. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../tools/run-command.ts";
import { SEEDED_BUGS } from "../support/faults/seeded-bugs.ts";

const GUARANTEES = Array.from({ length: 30 }, (_, index) => `G${index + 1}`);
const PAGE = readFileSync(join(projectRoot, "docs/guarantees.md"), "utf8");
/** A line of a section: the file of a test and its name. */
const PROOF = /^- `(test\/[\w./-]+\.test\.ts)`: "(.+)"$/gm;

function sections(): Map<string, string> {
  const parts = PAGE.split(/^#{2,3} /m).slice(1);
  return new Map(parts.map((part) => [part.split(/\s/, 1)[0] ?? "", part]));
}

test("every guarantee has its section, in their order", () => {
  expect([...PAGE.matchAll(/^### (G\d+) /gm)].map(([, name]) => name)).toEqual(GUARANTEES);
});

test.each(GUARANTEES)("%s names tests that exist", (guarantee) => {
  const proofs = [...(sections().get(guarantee) ?? "").matchAll(PROOF)];
  expect(proofs.length).toBeGreaterThan(0);
  const missing = proofs.filter(([, file = "", name = ""]) => {
    const path = join(projectRoot, file);
    return !existsSync(path) || !readFileSync(path, "utf8").includes(name);
  });
  expect(missing.map(([line]) => line)).toEqual([]);
});

test("each item below a guarantee is a file and a test's name", () => {
  const items = GUARANTEES.flatMap(
    (each) =>
      sections()
        .get(each)
        ?.match(/^- .*$/gm) ?? [],
  );
  expect(items.filter((item) => item.search(PROOF) < 0)).toEqual([]);
});

test("the faults of the guarantees are in the table of faults", () => {
  const lines = [...PAGE.matchAll(/^Faults: (.+)\.$/gm)].flatMap(([, names = ""]) =>
    names.split(", "),
  );
  const table = [...(sections().get("Faults") ?? "").matchAll(/^\| (F\d+) /gm)].map(
    ([, name]) => name,
  );
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((name) => !table.includes(name))).toEqual([]);
});

test("the table of seeded bugs is that of the suite", () => {
  const rows = [...(sections().get("Seeded") ?? "").matchAll(/^\| ([a-z-]+) \| (.+?) \|/gm)];
  const listed = rows.map(([, name, breaks]) => ({ name, breaks }));
  expect(listed.slice(1)).toEqual(SEEDED_BUGS.map(({ name, breaks }) => ({ name, breaks })));
});
