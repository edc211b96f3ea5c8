/** Every crash point stands in the shells, and only tests install what happens there. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { CRASH_POINTS } from "../../src/process/crash-points.ts";
import { projectRoot } from "../../tools/run-command.ts";

const OWN_FILE = "process/crash-points.ts";
let sources: { readonly path: string; readonly text: string }[];

beforeAll(async () => {
  const folder = join(projectRoot, "src");
  const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".ts"));
  sources = await Promise.all(
    paths
      .filter((path) => path !== OWN_FILE)
      .map(async (path) => ({ path, text: await readFile(join(folder, path), "utf8") })),
  );
});

test.each(CRASH_POINTS)("%s is passed in one place", (point) => {
  const places = sources.flatMap(({ path, text }) =>
    text
      .split(`reached("${point}"`)
      .slice(1)
      .map(() => path),
  );
  expect(places).toHaveLength(1);
  expect(places[0]).not.toMatch(/^engine\//);
});

test("no file of the service installs a hook", () => {
  const installing = sources.filter(({ text }) => text.includes("installCrashHook"));
  expect(installing).toEqual([]);
});
