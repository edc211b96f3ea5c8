/**
 * The package in an empty project: its command line runs, its service starts and serves the console, what it exports loads with its types and
 * few packages, and so does the code of docs/client.md.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startService } from "../../../tools/demo/service-process.ts";
import { projectRoot } from "../../../tools/run-command.ts";
import { freshDatabase } from "../../support/servers/database.ts";
import { copyProject } from "../../support/services/cli.ts";
import { type RpcService, startRpcService } from "../../support/services/rpc-service.ts";

const run = promisify(execFile);
/** What the libraries may need: not the packages of the service. */
const PACKAGES = ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web", "nats"];
/** What the page's code and the compiler need besides. */
const OF_THE_USER = ["@connectrpc/connect-node", "@types/node", "undici-types"];
const DOCUMENTED_URL = "http://127.0.0.1:8080";

/** The package is compiled whole. */
const PACK_MS = 180_000;

let service: RpcService;
/** An empty project. */
let project: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  const copy = await copyProject();
  ({ folder: project, remove } = copy);
  service = await startRpcService();
  const modules = join(project, "node_modules");
  // Without its sources the console is taken as it was compiled.
  const compiled = join(copy.project, "dist", "console");
  await mkdir(join(compiled, "assets"), { recursive: true });
  await writeFile(join(compiled, ".sources.sha256"), "");
  await writeFile(join(compiled, "index.html"), "<title>Workflows</title>");
  await writeFile(join(compiled, "assets", "main-1234.js"), "export {};");
  await mkdir(modules, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", project], {
    cwd: copy.project,
  });
  await run("tar", ["-xzf", join(project, stdout.trim()), "-C", modules]);
  await run("mv", [join(modules, "package"), join(modules, "workflows")]);
  for (const name of [...PACKAGES, ...OF_THE_USER]) {
    await mkdir(join(modules, name, ".."), { recursive: true });
    await symlink(join(projectRoot, "node_modules", name), join(modules, name));
  }
  await writeFile(join(project, "package.json"), `{"type": "module"}`);
}, PACK_MS);
afterAll(async () => {
  await service?.stop();
  await remove?.();
});

/** The JavaScript of docs/client.md, for this service. */
async function documented(): Promise<string> {
  const page = await readFile(join(projectRoot, "docs", "client.md"), "utf8");
  const blocks = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  expect(blocks.length).toBeGreaterThan(4);
  return blocks.join("\n").replaceAll(DOCUMENTED_URL, service.baseUrl);
}

async function runFile(name: string, code: string): Promise<string> {
  await writeFile(join(project, name), code);
  const { stdout } = await run(process.execPath, [name], { cwd: project });
  return stdout;
}

it("loads the client, and the library of workers, without the packages of the service", async () => {
  const code = `
    import { createClient, WorkflowsError } from "workflows/client";
    import { createWorker } from "workflows/worker";
    import { testWorker } from "workflows/testing";
    console.log([createClient, WorkflowsError, createWorker, testWorker].map((each) => typeof each).join());`;
  expect(await runFile("load.mjs", code)).toBe("function,function,function,function\n");
});

it("has the command line", async () => {
  const main = join("node_modules", "workflows", "tools", "workflows.mjs");
  const { stdout } = await run(process.execPath, [main, "--help"], { cwd: project });
  expect(stdout).toContain("Usage: workflows");
});

it("has a service that makes its tables, and has the console and the templates", async () => {
  const database = await freshDatabase();
  try {
    const started = await startService({
      compiled: join(project, "node_modules", "workflows", "dist", "service", "main.mjs"),
      environment: {
        PATH: process.env.PATH,
        DATABASE_URL: database.url,
        NATS_URL: process.env.TEST_NATS_URL,
        BUS_CREATE_STREAMS: "true",
        ...{ HOST: "127.0.0.1", PORT: "0" },
      },
    });
    try {
      const page = await fetch(`${started.url}/console/`);
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("Workflows")]);
      const file = await fetch(`${started.url}/console/assets/main-1234.js`);
      expect([file.status, await file.text()]).toEqual([200, "export {};"]);
      const asked = `connect=v1&encoding=json&message=${encodeURIComponent('{"id":"data-sync"}')}`;
      const template = await fetch(`${started.url}/workflows.ops.v1.Templates/Get?${asked}`);
      expect(await template.json()).toMatchObject({ template: { id: "data-sync" } });
    } finally {
      await started.stop();
    }
  } finally {
    await database.drop();
  }
});

it("loads no module of Node for the client, so that browsers load it too", async () => {
  const built = await readFile(
    join(project, "node_modules/workflows/dist/library/client/index.mjs"),
    "utf8",
  );
  const imported = [...built.matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
  expect(imported.filter((name) => !PACKAGES.some((known) => name?.startsWith(known)))).toEqual([]);
});

it("runs the code of docs/client.md", async () => {
  expect(await runFile("page.mjs", await documented())).toBe(
    ["true 0", "1n 3", "2n 2", "NOT_FOUND NOT_FOUND", "true", ""].join("\n"),
  );
});

it("has types that the code of docs/client.md fits, and a wrong field does not", async () => {
  await writeFile(join(project, "page.mts"), await documented());
  const wrong = `import { createClient } from "workflows/client";
    import { createWorker } from "workflows/worker";
    createWorker({ servers: 1 });
    await createClient({ baseUrl: "http://a" }).runs.search({ workspaceId: 1 });`;
  await writeFile(join(project, "wrong.mts"), wrong);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"];
  const compiler = join(projectRoot, "node_modules", "typescript", "bin", "tsc");
  const compile = (name: string) =>
    run(process.execPath, [compiler, ...options, "--target", "es2023", name], { cwd: project });
  await compile("page.mts");
  const failed = await compile("wrong.mts").catch((error: unknown) => error);
  const { stdout } = failed as { stdout: string };
  expect(stdout).toContain("wrong.mts(3,20): error TS2322");
  expect(stdout).toContain("wrong.mts(4,63): error TS2322");
});
