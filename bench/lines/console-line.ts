/**
 * The console in a browser: what its first page loads, how long a graph of 1,000 steps takes, and whether panning and scrolling hold the page.
 * Boundary: a service and a database of its own, with the compiled console; Chromium is that of the system. Times begin with the navigation.
 */
import { spawnSync } from "node:child_process";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { Browser, Page } from "playwright-core";
import { StepType, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { migrateDatabase } from "../../src/store/migrate.ts";
import { startBrowser } from "../../tools/parts/chromium.ts";
import { makeFreshDatabase } from "../../tools/parts/fresh-database.ts";
import { projectRoot } from "../../tools/run-command.ts";
import type { MadeRun } from "../engines/ours-calls.ts";
import { WORKSPACE } from "../engines/words.ts";
import { startHost } from "../parts/host-process.ts";
import { reserveBatches, storeCopies } from "../parts/stored-rows.ts";
import { median } from "../report/statistics.ts";
import { measureDesigner } from "./console-designer.ts";
import { drawn, LOADS, longestTask, openContext, PATIENCE_MS, SIZE } from "./console-page.ts";
import type { Bed, Values } from "./sample.ts";

/** Children of one PARALLEL; with it and what follows it a group has ten steps. */
const CHILDREN = 8;
const GROUP = CHILDREN + 2;
const ORIGINALS = 4;
const PANS = 20;
const WHEEL_PX = 4_000;
const KB = 1_000;

/** Every page has its own profile of the browser, but for the second visit of a graph. */
export async function measureConsole({ guard, postgres, sizes }: Bed): Promise<Values> {
  buildConsole();
  // Copies of runs need a database in which the service has committed nothing before.
  const browser = await startBrowser();
  const database = await makeFreshDatabase(postgres.url);
  try {
    await migrateDatabase(database.url);
    await reserveBatches(database.url);
    const host = await startHost(guard, "ours", database.url);
    try {
      const url = await host.own<string>("url");
      const graph = await publishGroups(url, sizes.consoleSteps);
      const originals = await host.own<MadeRun[]>("finishedRuns", { runs: ORIGINALS });
      await storeCopies(database.url, [{ originals, runs: sizes.consoleRuns }]);
      return {
        ...(await measureFirstPaint(browser, url)),
        ...(await measureGraph(browser, url, graph)),
        ...(await measureDesigner(browser, url, sizes.consoleSteps)),
        ...(await measureScroll(browser, url, sizes.consoleRuns)),
      };
    } finally {
      await host.stop();
    }
  } finally {
    await browser.close();
    await database.drop();
  }
}

function buildConsole(): void {
  const { status } = spawnSync(process.execPath, ["tools/build-console.mjs"], {
    cwd: projectRoot,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new Error("the console was not compiled");
}

/** A version of groups in a row: a PARALLEL, its children, and a step when all are joined. Gives the id of its definition. */
async function publishGroups(baseUrl: string, count: number): Promise<string> {
  const client = createClient(
    WorkflowService,
    createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  );
  const { definition } = await client.createDefinition({ workspaceId: WORKSPACE, name: "groups" });
  const definitionId = definition?.id ?? "";
  const groups = Array.from({ length: Math.ceil(count / GROUP) }, (_, at) => at);
  const children = Array.from({ length: CHILDREN }, (_, at) => at);
  const steps = groups.flatMap((at) => [
    { id: `all-${at}`, name: `Check part ${at}`, stepType: StepType.PARALLEL },
    ...children.map((child) => ({
      ...{ id: `part-${at}-${child}`, name: `Look at ${child}` },
      stepType: StepType.HUMAN_TASK,
    })),
    { id: `sum-${at}`, name: `Sum up ${at}`, stepType: StepType.HUMAN_TASK },
  ]);
  const edges = groups.flatMap((at) => [
    ...children.map((child) => ({ fromStepId: `all-${at}`, toStepId: `part-${at}-${child}` })),
    { fromStepId: `all-${at}`, toStepId: `sum-${at}`, label: "joined" },
    ...(at === 0 ? [] : [{ fromStepId: `sum-${at - 1}`, toStepId: `all-${at}` }]),
  ]);
  await client.publishVersion({ definitionId, steps, edges });
  return definitionId;
}

/** Of Home without a cache: until its heading stands there, and bytes of scripts and styles until then. */
async function measureFirstPaint(browser: Browser, url: string): Promise<Values> {
  const paintMs: number[] = [];
  const loadedKb: number[] = [];
  for (let load = 0; load < LOADS; load += 1) {
    const context = await openContext(browser);
    const page = await context.newPage();
    await page.goto(`${url}/console/?workspace=${WORKSPACE}`);
    await page.waitForSelector("h1");
    paintMs.push(await page.evaluate<number>("performance.now()"));
    const bytes = await page.evaluate<number>(
      `performance.getEntriesByType("resource")
        .filter(({ name }) => /\\.(js|css)$/.test(name))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`,
    );
    loadedKb.push(bytes / KB);
    await context.close();
  }
  return { firstPaintMs: median(paintMs), firstPaintKb: median(loadedKb) };
}

/** Of the page of a workflow: the first time, then with the layout that the browser keeps, then while it is moved. */
async function measureGraph(browser: Browser, url: string, id: string): Promise<Values> {
  const address = `${url}/console/workflows/${id}?workspace=${WORKSPACE}`;
  const firstMs: number[] = [];
  const storedMs: number[] = [];
  const panMs: number[] = [];
  for (let load = 0; load < LOADS; load += 1) {
    const context = await openContext(browser);
    const page = await context.newPage();
    firstMs.push(await drawn(page, address));
    storedMs.push(await drawn(page, address));
    panMs.push(await pan(page));
    await context.close();
  }
  return {
    graphFirstMs: median(firstMs),
    graphStoredMs: median(storedMs),
    panTaskMs: median(panMs),
  };
}

/** Drags the graph about; gives the longest task in ms, 0 where none took 50. */
async function pan(page: Page): Promise<number> {
  await page.evaluate("window.tasksMs = []");
  const before = await placeOfGraph(page);
  const [x, y] = [SIZE.width / 2, SIZE.height / 2 + 100];
  for (let move = 0; move < PANS; move += 1) {
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - 120, y - 250, { steps: 10 });
    await page.mouse.up();
  }
  if ((await placeOfGraph(page)) === before) throw new Error("the graph did not move");
  return longestTask(page);
}

function placeOfGraph(page: Page): Promise<string> {
  return page.evaluate<string>(`document.querySelector(".react-flow__viewport").style.transform`);
}

/** Goes through the page Runs to its last run. */
async function measureScroll(browser: Browser, url: string, runs: number): Promise<Values> {
  const context = await openContext(browser);
  const page = await context.newPage();
  await page.goto(`${url}/console/runs?workspace=${WORKSPACE}`);
  await page.waitForSelector("tbody tr");
  await page.evaluate("window.tasksMs = []");
  await page.mouse.move(SIZE.width / 2, SIZE.height / 2);
  const beganAt = performance.now();
  let last = 0;
  while (last <= runs) {
    if (performance.now() - beganAt > PATIENCE_MS * 2) throw new Error(`reached run ${last}`);
    await page.mouse.wheel(0, WHEEL_PX);
    last = await page.evaluate<number>(
      `Number([...document.querySelectorAll("tbody tr")].at(-1)?.getAttribute("aria-rowindex"))`,
    );
  }
  const scrollMs = performance.now() - beganAt;
  const scrollTaskMs = await longestTask(page);
  await context.close();
  return { scrollMs, scrollTaskMs };
}
