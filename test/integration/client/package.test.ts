/**
 * The package in an empty project: its command line runs, its service starts and serves the console, what it exports loads with its types and
 * few packages, and so does the code of docs/client.md and docs/sdk.md.
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
const PACKAGES = [
  ...["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web", "nats", "yaml"],
];
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

/** The JavaScript of a page, for this service. */
async function documented(name: string): Promise<string> {
  const page = await readFile(join(projectRoot, "docs", name), "utf8");
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
    import { createEntities, WorkflowsError as SameError } from "workflows/entities";
    import { createWorker } from "workflows/worker";
    import { testWorker } from "workflows/testing";
    console.log([createClient, createEntities, createWorker, testWorker].map((each) => typeof each).join());
    console.log(WorkflowsError === SameError);`;
  expect(await runFile("load.mjs", code)).toBe("function,function,function,function\ntrue\n");
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

it.each(["client", "entities"])(
  "loads no module of Node for %s, so that browsers load it too",
  async (part) => {
    const library = join(project, "node_modules/workflows/dist/library");
    const importedOf = async (file: string): Promise<string[]> => {
      const built = await readFile(file, "utf8");
      const names = [...built.matchAll(/from "([^"]+)"/g)].map(([, name = ""]) => name);
      const own = names.filter((name) => name.startsWith("."));
      const further = own.map((name) => importedOf(join(file, "..", name)));
      const others = names.filter((name) => !name.startsWith("."));
      return [...others, ...(await Promise.all(further)).flat()];
    };
    const imported = await importedOf(join(library, part, "index.mjs"));
    expect(imported).toContain("@connectrpc/connect");
    expect(imported.filter((name) => !PACKAGES.some((known) => name.startsWith(known)))).toEqual(
      [],
    );
    expect(imported.includes("yaml")).toBe(part === "entities");
  },
);

it.each(["client.md", "sdk.md"])(
  "runs the code of docs/%s, which prints what its comments say",
  async (page) => {
    const code = await documented(page);
    const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
    const lines = said.flatMap((text) => text?.split(", then ") ?? []);
    expect(lines.length).toBeGreaterThan(4);
    expect(await runFile("page.mjs", code)).toBe(`${lines.join("\n")}\n`);
  },
);

it("has types that the code of the pages fits, and a wrong field does not", async () => {
  const pages = { "page.mts": "client.md", "sdk.mts": "sdk.md" };
  for (const [file, page] of Object.entries(pages)) {
    await writeFile(join(project, file), await documented(page));
  }
  const wrong = `import { createClient } from "workflows/client";
    import { createWorker } from "workflows/worker";
    createWorker({ servers: 1 });
    await createClient({ baseUrl: "http://a" }).runs.search({ workspaceId: 1 });
    import { createEntities } from "workflows/entities";
    const { Workflow } = createEntities({ baseUrl: "http://a", workspace: "ws" });
    await Workflow.find({ status: "Activ" });
    for (const { steps } of await Workflow.find()) steps;`;
  await writeFile(join(project, "wrong.mts"), wrong);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"];
  const compiler = join(projectRoot, "node_modules", "typescript", "bin", "tsc");
  const compile = (...names: string[]) =>
    run(process.execPath, [compiler, ...options, "--target", "es2023", ...names], { cwd: project });
  await compile(...Object.keys(pages));
  const failed = await compile("wrong.mts").catch((error: unknown) => error);
  const { stdout } = failed as { stdout: string };
  expect(stdout).toContain("wrong.mts(3,20): error TS2322");
  expect(stdout).toContain("wrong.mts(4,63): error TS2322");
  expect(stdout).toContain("wrong.mts(7,27): error TS2820");
  expect(stdout).toContain("wrong.mts(8,18): error TS2339");
});
