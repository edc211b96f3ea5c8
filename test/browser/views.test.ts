/** Saved views of the page Runs: kept in the browser, for all its tabs. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPage, startBrowser } from "../support/browser/browser.ts";
import {
  type ConsoleService,
  startConsoleService,
  WORKSPACE,
} from "../support/browser/console-service.ts";

let browser: Browser;
let service: ConsoleService;
let failed = "";
beforeAll(async () => {
  [browser, service] = await Promise.all([startBrowser(), startConsoleService()]);
  const definitionId = await service.define("expense");
  failed = await service.start(definitionId);
  await service.start(definitionId);
  await service.end(failed, "FAILED", "the receipt is missing");
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

const address = (query: string) => `${service.consoleUrl}/runs?workspace=${WORKSPACE}${query}`;
const views = (page: Page) => page.getByRole("navigation", { name: "Saved views" });

async function save(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Save this view" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  await page.keyboard.press("Enter");
  // Characters that are not drawn are named.
  await views(page)
    .getByRole("link", { name: name.replace("\u202e", "U+202E") })
    .waitFor();
}

test("a filter gets a name, and its link leads to the same address in every tab", async () => {
  const { page, faults, accessibilityFaults } = await openPage(browser);
  await page.goto(address("&state=failed&since=24h"));
  await page.getByText("failed at approve").waitFor();
  await save(page, "What failed today");
  expect(await accessibilityFaults()).toEqual([]);
  await page.getByRole("button", { name: "Take all filters away" }).click();
  const other = await page.context().newPage();
  await other.goto(address(""));
  await other.getByRole("link", { name: "What failed today" }).click();
  await other.getByText("failed at approve").waitFor();
  expect(new URL(other.url()).search).toBe("?state=failed&since=24h");
  expect(await views(other).locator("[aria-current=page]").textContent()).toBe("What failed today");
  await other.getByRole("button", { name: "Rename What failed today" }).click();
  await other.getByRole("dialog").getByLabel("Name").fill("Failures");
  await other.getByRole("button", { name: "Rename", exact: true }).click();
  // The first tab learns it.
  await page.getByRole("link", { name: "Failures" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Delete Failures" }).click();
  await views(page).getByRole("button", { name: "Save this view" }).waitFor();
  await other.getByRole("link", { name: "Failures" }).waitFor({ state: "detached" });
  expect(faults).toEqual([]);
});

test("two views cannot have one name, and a hostile one is a text", async () => {
  const { page, faults } = await openPage(browser);
  await page.goto(address("&state=failed"));
  await save(page, "<img src=x onerror=alert(1)>\u202eevil");
  await page.getByRole("button", { name: /^Running/ }).click();
  await page.getByRole("button", { name: "Save this view" }).click();
  await page.getByLabel("Name").fill("<img src=x onerror=alert(1)>\u202eevil");
  await page.getByText("Another view has this name").waitFor();
  expect(await page.getByRole("button", { name: "Save", exact: true }).isDisabled()).toBe(true);
  expect(faults).toEqual([]);
});

test("what something else has written in their place is no view", async () => {
  const { page, faults } = await openPage(browser);
  await page.addInitScript({
    content: `localStorage.setItem("workflows.views", '[{"name": 3}, null, {"name": "a", "query": "state=failed"}]')`,
  });
  await page.goto(address(""));
  await views(page).getByRole("link", { name: "a" }).click();
  await page.getByText("failed at approve").waitFor();
  expect(await views(page).getByRole("link").count()).toBe(1);
  expect(faults).toEqual([]);
});

test("where the browser keeps nothing, the console works and says that views are gone with the page", async () => {
  const { page, faults } = await openPage(browser);
  await page.addInitScript({
    content: `for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, { get() { throw new DOMException("off", "SecurityError"); } });
    }`,
  });
  await page.goto(address("&state=failed"));
  await page.getByText("failed at approve").waitFor();
  await page.getByRole("button", { name: "Local time" }).click();
  await page.getByRole("button", { name: "UTC" }).waitFor();
  await save(page, "Failures");
  await page.getByText("views are gone with it").waitFor();
  await page.getByRole("link", { name: "expense" }).first().click();
  await page.locator('[data-step="approve"][data-state="Failed"]').waitFor();
  expect(faults).toEqual([]);
});
