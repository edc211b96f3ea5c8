/** tools/build.mjs in a project of its own: a service of two files. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { projectRoot } from "../../../tools/run-command.ts";

const ENTRIES = ["src/ingress/rpc/source-worker.ts", "src/cli/main.ts", "package-lock.json"];

it("keeps what a running service of an earlier build may still load, for a week", () => {
  const root = mkdtempSync(join(tmpdir(), "build-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const path of ENTRIES) write(path, "");
  write("gen/a.ts", "");
  write("src/main.ts", 'void import("./later.ts");');
  mkdirSync(join(root, "tools"));
  cpSync(join(projectRoot, "tools/build.mjs"), join(root, "tools/build.mjs"));
  symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
  const service = join(root, "dist/service");
  const build = (later: string) => {
    write("src/later.ts", `console.log("${later}");`);
    const { status, stderr } = spawnSync(process.execPath, ["tools/build.mjs"], { cwd: root });
    expect([status, String(stderr)]).toEqual([0, ""]);
    return readdirSync(service).filter((name) => name.startsWith("later-"));
  };
  const [first = ""] = build("one");
  expect(first).toMatch(/^later-\w+\.mjs$/);
  expect(build("two")).toHaveLength(2);
  const old = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000);
  utimesSync(join(service, first), old, old);
  expect(build("three")).not.toContain(first);
  expect(["main.mjs", "source-worker.mjs"].map((name) => existsSync(join(service, name)))).toEqual([
    ...[true, true],
  ]);
});
