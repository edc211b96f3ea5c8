/** `npm run check` finds an export that no other file imports, a long file and a long function. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkSizes, findLongFiles, findLongFunctions } from "../../tools/check-sizes.ts";
import { projectRoot } from "../../tools/run-command.ts";

/** As numbers, so that a limit that is raised fails here. */
const FILE_LINES_AT_MOST = 300;
const FUNCTION_LINES_AT_MOST = 60;

let project = "";
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "unused-and-long-"));
  await mkdir(join(project, "src"));
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

/** A function of so many lines, of which most are comments. */
function functionOf(lines: number): string {
  return `export function long() {\n  work();\n${"  // a line\n".repeat(lines - 3)}}\n`;
}

test("src/ has no file and no function that is too long", async () => {
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

test("a function of one line too many is reported, also one inside another", () => {
  const found = (text: string) => findLongFunctions(new Map([["src/long.ts", text]]));
  const long = functionOf(FUNCTION_LINES_AT_MOST + 1);
  expect(found(functionOf(FUNCTION_LINES_AT_MOST))).toEqual([]);
  expect(found(`const one = 1;\n${long}`)).toEqual([
    "src/long.ts:2 is a function of 61 lines, over 60",
  ]);
  expect(found(`const outer = () => {\n${long.replace("export ", "")}};\n`)).toHaveLength(2);
});
