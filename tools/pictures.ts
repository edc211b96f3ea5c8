/**
 * `npm run pictures`: writes the pictures of the console in docs/pictures, from runs of the demo's process, in light and dark.
 *
 * Boundary: starts and stops a service, servers and a browser of its own. Run it after a change of what the console looks like, and look at
 * what it wrote.
 */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { Verdict } from "../gen/workflows/ops/v1/inbox_pb.ts";
import { createWorkflowsClient, type WorkflowsClient } from "../src/client/client.ts";
import { publishSalesProcess, WORKSPACE_ID } from "./demo/sales-process.ts";
import { connectService } from "./demo/service-client.ts";
import { startService } from "./demo/service-process.ts";
import { startSurroundings } from "./demo/surroundings.ts";
import { startBrowser } from "./parts/chromium.ts";
import { projectRoot } from "./run-command.ts";

const FOLDER = join(projectRoot, "docs", "pictures");
const STARTER = "user_marketing";
const MANAGER = "user_sales_manager";
const WIDTH = 1_280;
const SCALE = 1.5;
const QUALITY = 80;
const MOST_BYTES = 150_000;
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** Until the decided runs have gone on. */
const SETTLE_MS = 6_000;
/** Until the answers of all parts of a page are there, and nothing moves. */
const SHOWN_MS = 1_500;
const COMMENTS = { approve: "A good fit. Go ahead.", deny: "They are a customer already." };

/** What stands on the page of an item when all of it is there. */
const ITEM = "On the command line";

/** A picture: the page, a text that is there when it has its data, and how much of it is shown, in px. `press`: what is clicked then. */
interface Shot {
  readonly name: string;
  readonly path: string;
  readonly shown: string;
  readonly height: number;
  readonly press?: string;
}

/** Companies whose leads come, and what becomes of each. The last one waits for the manager. */
const LEADS = [
  {
    company: "Kestrel Optics",
    email: "mira.holt@kestrel.example",
    firstname: "Mira",
    end: "approve",
  },
  { company: "Fjord Shipping", email: "olav.dahl@fjord.example", firstname: "Olav", end: "deny" },
  { company: "Lumen Foods", email: "ines.prado@lumen.example", firstname: "Ines", end: "wait" },
  {
    company: "Northwind Robotics",
    email: "dana.reyes@northwind.example",
    firstname: "Dana",
    end: "wait",
  },
] as const;

/** Parameters of the template. */
const FILLED: Readonly<Record<string, string>> = {
  ...{ threshold_usd: "500", manager: MANAGER, director: "user_director", escalate_after: "24h" },
};

const surroundings = await startSurroundings({
  turns: {},
  log: console.log,
  tell: () => undefined,
});
try {
  buildConsole();
  const service = await startService({
    environment: {
      PATH: process.env.PATH,
      ...surroundings.environment,
      // A request waits until somebody decides it.
      APPROVALS_URL: "builtin",
      ...{ HOST: "127.0.0.1", PORT: "0" },
    },
  });
  const grpc = connectService(service.url);
  try {
    await publishSalesProcess(grpc.workflows);
    await takePictures(service.url);
  } finally {
    grpc.close();
    await service.stop();
  }
} finally {
  await surroundings.stop();
}

function buildConsole(): void {
  const { status } = spawnSync(process.execPath, ["tools/build-console.mjs"], {
    cwd: projectRoot,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new Error("the console was not compiled");
}

async function takePictures(url: string): Promise<void> {
  const as = (actor: string) => createWorkflowsClient({ baseUrl: url, actor, via: "console" });
  // Who starts a run does not approve it.
  const { runId, id } = await playLeads(as(STARTER), as(MANAGER));
  const pages: readonly Shot[] = [
    { name: "home", path: "/", shown: "Recent runs", height: 560 },
    { name: "run", path: `/runs/${runId}`, shown: "waits for approval", height: 960 },
    { name: "inbox", path: `/inbox/${encodeURIComponent(id)}`, shown: ITEM, height: 660 },
    {
      ...{ name: "designer", path: `/workflows/${await draftExpense(as(STARTER))}?tab=draft` },
      ...{ shown: "Can be published", height: 900, press: '[data-step="manager"]' },
    },
  ];
  await mkdir(FOLDER, { recursive: true });
  const browser = await startBrowser();
  try {
    for (const scheme of ["light", "dark"] as const) {
      for (const shot of pages) await takePicture(browser, scheme, `${url}/console`, shot);
    }
  } finally {
    await browser.close();
  }
}

/** Begins a draft with the file of a template; gives its workflow. */
async function draftExpense({ sources }: WorkflowsClient): Promise<string> {
  const file = join(projectRoot, "templates", "expense-approval", "workflow.yaml");
  const template = await readFile(file, "utf8");
  const sourceText = template.replaceAll(/\$\((\w+)\)/g, (_, parameter) => FILLED[parameter] ?? "");
  const name = /^workflow: *(.+)$/m.exec(sourceText)?.[1] ?? "";
  const { workflow } = await sources.create({ workspaceId: WORKSPACE_ID, name, sourceText });
  return workflow?.definition?.id ?? "";
}

/** Starts a run for each lead, and decides those that are not to wait. Gives what the last one waits for. */
async function playLeads(
  starter: WorkflowsClient,
  client: WorkflowsClient,
): Promise<{ runId: string; id: string }> {
  const { workflows } = await client.sources.list({ workspaceId: WORKSPACE_ID });
  const definitionId = workflows[0]?.definition?.id ?? "";
  let last = { runId: "", id: "" };
  for (const { end, ...snapshot } of LEADS) {
    const { run } = await starter.workflows.startRun({
      definitionId,
      workspaceId: WORKSPACE_ID,
      inputPayload: { snapshot },
    });
    const { id, digest, runId } = await waitForItem(client, run?.id ?? "");
    last = { runId, id };
    if (end === "wait") continue;
    const verdict = end === "approve" ? Verdict.APPROVE : Verdict.DENY;
    await client.inbox.decide({ id, digest, verdict, comment: COMMENTS[end] });
  }
  await delay(SETTLE_MS);
  return last;
}

async function waitForItem({ inbox }: WorkflowsClient, runId: string) {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    const { items } = await inbox.list({ workspaceId: WORKSPACE_ID });
    const item = items.find((each) => each.runId === runId);
    if (item !== undefined) return item;
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`the run ${runId} asks for no approval`);
}

async function takePicture(
  browser: Browser,
  colorScheme: "light" | "dark",
  consoleUrl: string,
  { name, path, shown, height, press }: Shot,
): Promise<void> {
  const file = join(FOLDER, `${name}-${colorScheme}.webp`);
  const viewport = { width: WIDTH, height };
  const context = await browser.newContext({
    ...{ colorScheme, viewport, deviceScaleFactor: SCALE, reducedMotion: "reduce" },
  });
  const actor = JSON.stringify(MANAGER);
  await context.addInitScript({ content: `localStorage.setItem("workflows.actor", ${actor})` });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const separator = path.includes("?") ? "&" : "?";
  await page.goto(`${consoleUrl}${path}${separator}workspace=${WORKSPACE_ID}`);
  await page.getByText(shown).filter({ visible: true }).first().waitFor();
  await page.waitForLoadState("load");
  if (press !== undefined) await page.click(press);
  await delay(SHOWN_MS);
  const bytes = await shoot(page);
  if (bytes.length > MOST_BYTES) throw new Error(`${file} has ${bytes.length} bytes`);
  await writeFile(file, bytes);
  console.log(`${file}: ${(await stat(file)).size} bytes`);
  await context.close();
}

/** WebP is half of PNG, and playwright writes none. */
async function shoot(page: Page): Promise<Buffer> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", {
    format: "webp",
    quality: QUALITY,
  });
  return Buffer.from(data, "base64");
}
