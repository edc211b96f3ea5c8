/** `npm run check` finds an export that no other file imports, a long file and a long function. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkSizes, findLongFiles } from "../../tools/check-sizes.ts";
import { projectRoot } from "../../tools/run-command.ts";

/** As numbers, so that a limit that is raised fails here. */
const FILE_LINES_AT_MOST = 300;
const FUNCTION_LINES_AT_MOST = 60;

let project = "";
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "unused-and-long-"));
  await mkdir(join(project, "src"));
  await copyFile(join(projectRoot, "biome.json"), join(project, "biome.json"));
  await copyFile(join(projectRoot, "knip.json"), join(project, "knip.json"));
  await writeFile(join(project, "package.json"), '{ "name": "planted", "type": "module" }');
  await symlink(join(projectRoot, "node_modules"), join(project, "node_modules"));
});
afterAll(() => rm(project, { recursive: true, force: true }));

/** What a program of node_modules prints over the planted project. */
function run(program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const path = join(projectRoot, "node_modules", ".bin", program);
    execFile(path, args, { cwd: project }, (_, stdout, stderr) => resolve(`${stdout}${stderr}`));
  });
}

/** A function with so many lines in its body. */
function functionOf(lines: number): string {
  const body = Array.from({ length: lines }, (_, n) => `  console.log(${n});\n`).join("");
  return `export function long() {\n${body}}\n`;
}

test("src/ has no file that is too long", async () => {
  expect(await checkSizes()).toEqual([]);
});

test("an export and a type that no other file imports are reported, a used one is not", async () => {
  await writeFile(join(project, "src/main.ts"), 'import { used } from "./part.ts";\nused();\n');
  await writeFile(
    join(project, "src/part.ts"),
    "export const used = () => lonely();\nexport const lonely = () => 1;\nexport type Lonely = number;\n",
  );
  const printed = await run("knip", "--no-progress");
  expect(printed).toMatch(/^lonely .*src\/part\.ts:2:/m);
  expect(printed).toMatch(/^Lonely .*src\/part\.ts:3:/m);
  expect(printed).not.toMatch(/^used /m);
});

test("a file of one line too many is reported", () => {
  const lines = (count: number) => new Map([["src/long.ts", "// a line\n".repeat(count)]]);
  expect(findLongFiles(lines(FILE_LINES_AT_MOST))).toEqual([]);
  expect(findLongFiles(lines(FILE_LINES_AT_MOST + 1))).toHaveLength(1);
});

test("a function of src/ with one line too many is reported", async () => {
  const lint = async (lines: number) => {
    await writeFile(join(project, "src/long.ts"), functionOf(lines));
    return run("biome", "lint", "src/long.ts");
  };
  expect(await lint(FUNCTION_LINES_AT_MOST)).not.toContain("noExcessiveLinesPerFunction");
  expect(await lint(FUNCTION_LINES_AT_MOST + 1)).toContain("noExcessiveLinesPerFunction");
});
