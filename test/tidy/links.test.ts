/** Pages for people name files that exist: targets of links, and paths in code spans. */
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../tools/run-command.ts";

const LINK = /\]\((?!https?:|#)([^)#\s]+)/g;
/** A path from the project's root, with or without a file. */
const PATH = /`((?:src|test|tools|docs|testdata|proto|bench|migrations)\/[\w./-]*)`/g;
/** The history names files of earlier releases. */
const HISTORY = "CHANGELOG.md";

/** Every page outside of packages. */
async function findPages(): Promise<string[]> {
  const folders = ["docs", "src", "testdata", "test", "tools", "bench"];
  const inside = await Promise.all(
    folders.map(async (folder) => {
      const files = await readdir(join(projectRoot, folder), { recursive: true });
      const own = files.filter((file) => !/(?:^|\/)(?:node_modules|\.tmp)\//.test(file));
      return own.map((file) => `${folder}/${file}`);
    }),
  );
  const top = await readdir(projectRoot);
  return [...top, ...inside.flat()].filter((file) => file.endsWith(".md") && file !== HISTORY);
}

/** The paths that a page names and that do not exist. */
function missingIn(page: string): string[] {
  const text = readFileSync(join(projectRoot, page), "utf8");
  const links = [...text.matchAll(LINK)].map(([, to = ""]) => join(dirname(page), to));
  const paths = [...text.matchAll(PATH)].map(([, path = ""]) => path);
  return [...links, ...paths].filter((path) => !existsSync(join(projectRoot, path)));
}

test("every file that a page names exists", async () => {
  const missing = new Map(
    (await findPages())
      .map((page) => [page, missingIn(page)] as const)
      .filter(([, m]) => m.length > 0),
  );
  expect([...missing]).toEqual([]);
});
