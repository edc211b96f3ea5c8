/** The page Runs: its filters are its address, and any number of runs can be gone through. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPage, startBrowser } from "../support/browser/browser.ts";
import {
  type ConsoleService,
  startConsoleService,
  WORKSPACE,
} from "../support/browser/console-service.ts";

const MANY = 240;

let browser: Browser;
let service: ConsoleService;
const runs = { done: "", failed: "", open: "" };
const definitions = { expense: "", travel: "", many: "" };
beforeAll(async () => {
  [browser, service] = await Promise.all([startBrowser(), startConsoleService()]);
  definitions.expense = await service.define("expense");
  definitions.travel = await service.define("travel");
  definitions.many = await service.define("many");
  await Promise.all(Array.from({ length: MANY }, () => service.start(definitions.many)));
  runs.done = await service.start(definitions.expense);
  runs.failed = await service.start(definitions.expense);
  runs.open = await service.start(definitions.travel);
  await service.end(runs.done, "COMPLETED");
  await service.end(runs.failed, "FAILED", "the receipt is missing");
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

async function openRuns(query: string) {
  const opened = await openPage(browser);
  const separator = query === "" ? "?" : "&";
  await opened.page.goto(`${service.consoleUrl}/runs${query}${separator}workspace=${WORKSPACE}`);
  const rows = opened.page.locator("tbody tr");
  await rows.first().waitFor();
  /** Ids of the runs that are shown. */
  const ids = () =>
    rows
      .locator("code")
      .evaluateAll((codes) => codes.map((code) => code.getAttribute("title") ?? ""));
  return { ...opened, rows, ids };
}

test.each([
  ["?state=failed", () => [runs.failed]],
  ["?state=completed,failed", () => [runs.failed, runs.done]],
  ["?outcome=succeeded", () => [runs.done]],
  [`?error=RECEIPT+is`, () => [runs.failed]],
  ["?waiting-for=task&since=1h&workflow=", undefined],
])("the address %s selects runs", async (query, wanted) => {
  const filters = wanted === undefined ? `${query}${definitions.travel}` : query;
  const { ids, faults } = await openRuns(filters);
  expect(await ids()).toEqual(wanted?.() ?? [runs.open]);
  expect(faults).toEqual([]);
});

test("a filter that is chosen goes into the address, and the command line says the same", async () => {
  const { page, ids } = await openRuns(`?workflow=${definitions.expense}`);
  expect(await ids()).toEqual([runs.failed, runs.done]);
  await page.getByRole("button", { name: /^Failed/ }).click();
  await expect.poll(ids).toEqual([runs.failed]);
  expect(new URL(page.url()).searchParams.get("state")).toBe("failed");
  await page.getByText(`workflows runs --state failed --workflow ${definitions.expense}`).waitFor();
  await page.reload();
  await expect.poll(ids, { timeout: 10_000 }).toEqual([runs.failed]);
  await page.getByRole("button", { name: "Take all filters away" }).click();
  await expect.poll(async () => (await ids()).length).toBeGreaterThan(10);
  expect(new URL(page.url()).search).toBe("");
});

test("a new run comes by itself", async () => {
  const { ids } = await openRuns(`?workflow=${definitions.travel}`);
  expect(await ids()).toEqual([runs.open]);
  const added = await service.start(definitions.travel);
  await expect.poll(ids, { timeout: 10_000 }).toEqual([added, runs.open]);
});

test("of many runs those that are seen alone are in the page, and the last one can be reached", async () => {
  const { page, rows, ids, faults } = await openRuns(`?workflow=${definitions.many}`);
  await page.getByText(`${MANY} runs`).waitFor();
  expect(await rows.count()).toBeLessThan(60);
  const seen = new Set(await ids());
  await expect
    .poll(
      async () => {
        await page.mouse.wheel(0, 500);
        for (const id of await ids()) seen.add(id);
        return seen.size;
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBe(MANY);
  expect(await rows.count()).toBeLessThan(60);
  expect(faults).toEqual([]);
});

test("the list of a length of time goes on however long it is read, and says as of when it is", async () => {
  const { page, ids, faults } = await openRuns(`?workflow=${definitions.many}&since=24h`);
  const seen = new Set(await ids());
  let nowMs = Date.now();
  await expect
    .poll(
      async () => {
        nowMs += 61_000;
        await page.clock.setFixedTime(nowMs);
        await page.mouse.wheel(0, 500);
        for (const id of await ids()) seen.add(id);
        return seen.size;
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBe(MANY);
  await page.getByText(/as of \d+ (min|h) ago/).waitFor();
  expect(faults).toEqual([]);
});

test("j, k and Enter go through the rows, g and / through the pages", async () => {
  const { page } = await openRuns("?state=completed,failed");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/runs/${runs.done}`);
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.waitForURL("**/system");
  await page.keyboard.press("/");
  await page.keyboard.type("trav");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/workflows?q=trav");
  await page.getByRole("link", { name: "travel" }).waitFor();
  expect(await page.getByRole("link", { name: "expense" }).count()).toBe(0);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
});
