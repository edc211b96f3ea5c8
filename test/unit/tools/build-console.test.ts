/** tools/build-console.mjs in a project of its own, with an npm that installs a compiler of two lines. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { projectRoot } from "../../../tools/run-command.ts";

const NPM = `const fs = require("node:fs");
if (process.env.NODE_ENV === "production" && !process.argv.includes("--include=dev")) process.exit(0);
fs.mkdirSync("node_modules/vite/bin", { recursive: true });
fs.writeFileSync("node_modules/.package-lock.json", "");
fs.copyFileSync("../vite.cjs", "node_modules/vite/bin/vite.js");`;
const VITE = `const fs = require("node:fs");
const folder = process.argv[process.argv.indexOf("--outDir") + 1];
fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(folder + "/index.html", "a page");
if (process.env.FAILS) process.exit(1);`;
const SOURCES = ["console/src/main.tsx", "console/public/icon.svg", "console/index.html"];
const OTHERS = [
  ...["console/vite.config.ts", "console/package-lock.json", "package-lock.json"],
  ...["src/client/client.ts", "src/engine/a.ts", "src/file/a.ts", "src/wire/a.ts", "gen/a.ts"],
];

function project(files: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), "build-console-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const path of files) write(path, "");
  write("npm.cjs.js", NPM);
  write("vite.cjs", VITE);
  mkdirSync(join(root, "tools"));
  cpSync(join(projectRoot, "tools/build-console.mjs"), join(root, "tools/build-console.mjs"));
  return {
    isBuilt: () => existsSync(join(root, "dist/console/index.html")),
    left: () => readdirSync(join(root, "dist")).filter((name) => name !== "console"),
    removeSources: () => rmSync(join(root, "console"), { recursive: true }),
    build(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
      const words = [join(root, "tools/build-console.mjs"), ...args];
      const { CONSOLE: _, ...shell } = process.env;
      const env = { ...shell, npm_execpath: join(root, "npm.cjs.js"), ...environment };
      const { status, stderr } = spawnSync(process.execPath, words, { env, encoding: "utf8" });
      return { status, stderr };
    },
  };
}

const ALL = [...SOURCES, ...OTHERS];

it("compiles with NODE_ENV=production, too, where npm leaves the compiler out", () => {
  const { build, isBuilt, left } = project(ALL);
  expect(build(["--optional"], { NODE_ENV: "production" })).toMatchObject({ status: 0 });
  expect(isBuilt()).toBe(true);
  expect(left()).toEqual([]);
});

it("lets the service start without sources of a console, and says so", () => {
  const { build } = project(["package-lock.json"]);
  expect(build(["--optional"])).toEqual({
    status: 0,
    stderr: expect.stringContaining("The console was not built: "),
  });
  expect(build([]).status).toBe(1);
});

it("takes what was compiled where the sources are not there", () => {
  const { build, removeSources } = project(ALL);
  build([]);
  removeSources();
  expect(build([])).toEqual({ status: 0, stderr: "" });
});

it("is in a package where the service of this shell has none", () => {
  const { build, isBuilt } = project(ALL);
  expect(build([], { CONSOLE: "off" })).toEqual({ status: 0, stderr: "" });
  expect(isBuilt()).toBe(false);
  build(["--packed"], { CONSOLE: "off" });
  expect(isBuilt()).toBe(true);
});

it("leaves nothing of a compilation that failed", () => {
  const { build, isBuilt, left } = project(ALL);
  expect(build(["--optional"], { FAILS: "yes" }).status).toBe(0);
  expect(build([], { FAILS: "yes" }).status).toBe(1);
  expect([isBuilt(), left()]).toEqual([false, []]);
});
