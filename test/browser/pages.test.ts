/** Every page of the console: it loads without a fault, and axe finds nothing wrong, in both themes. */
import { createClient } from "@connectrpc/connect";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { openPage, startBrowser } from "../support/browser/browser.ts";
import {
  type ConsoleService,
  startConsoleService,
  WORKSPACE,
} from "../support/browser/console-service.ts";

let browser: Browser;
let service: ConsoleService;
let definitionId = "";
beforeAll(async () => {
  [browser, service] = await Promise.all([startBrowser(), startConsoleService()]);
  definitionId = await service.define("expense", { description: "Pays", tags: ["money"] });
  const [done, failed] = await Promise.all([1, 2, 3].map(() => service.start(definitionId)));
  await service.end(done ?? "", "COMPLETED");
  await service.end(failed ?? "", "FAILED", "the receipt is missing");
  const sourceText = "workflow: expense\nsteps:\n  approve: { tusk: Approve it }\n";
  await createClient(Workflows, service.transport).saveDraft({ definitionId, sourceText });
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

/** Addresses, and a text that stands there when the page has its data. */
const PAGES: readonly [name: string, path: () => string, shown: string][] = [
  ["home", () => "/", "failed at approve"],
  ["workflows", () => "/workflows", "expense"],
  ["a workflow", () => `/workflows/${definitionId}`, "Approve it"],
  ["runs of a workflow", () => `/workflows/${definitionId}?tab=runs`, "Failed"],
  ["versions", () => `/workflows/${definitionId}?tab=versions`, "By hand"],
  ["the draft", () => `/workflows/${definitionId}?tab=draft`, "has none of the keys"],
  [
    "the text of a draft",
    () => `/workflows/${definitionId}?tab=draft&view=text`,
    "has none of the keys",
  ],
  ["deployments", () => `/workflows/${definitionId}?tab=deployments`, "No deployment needs"],
  ["triggers", () => `/workflows/${definitionId}?tab=triggers`, "It has no endpoint"],
  ["statistics", () => `/workflows/${definitionId}?tab=statistics`, "No run has started"],
  ["a simulation", () => `/workflows/${definitionId}?tab=simulate&input={}`, "Answered by"],
  ["settings", () => `/workflows/${definitionId}?tab=settings`, "not needed any more"],
  ["templates", () => "/templates", "Expense approval"],
  ["a template", () => "/templates/expense-approval", "What it needs"],
  ["source", () => `/workflows/${definitionId}?tab=source`, "without a file"],
  ["the start dialog", () => `/workflows/${definitionId}?like=none`, "There is no such thing"],
  ["runs", () => "/runs", "failed at approve"],
  ["runs that match nothing", () => "/runs?error=xyz", "No run matches"],
  ["system", () => "/system", "What to do"],
  ["dead letters", () => "/system?tab=dead-letters", "No message was put aside"],
  ["collaborators", () => "/system?tab=collaborators", "Ended runs are kept for"],
  ["no page", () => "/nothing", "There is no such page"],
];

describe.each(["light", "dark"] as const)("in %s", (scheme) => {
  test.each(PAGES)("%s loads without a fault", async (_, path, shown) => {
    const { page, faults, accessibilityFaults } = await openPage(browser, { scheme });
    const separator = path().includes("?") ? "&" : "?";
    await page.goto(`${service.consoleUrl}${path()}${separator}workspace=${WORKSPACE}`);
    await page.getByText(shown).first().waitFor();
    expect(await accessibilityFaults()).toEqual([]);
    // A thing that is not there is a 404 of the service, which the browser notes.
    expect(faults.filter((fault) => !fault.includes("404"))).toEqual([]);
  });

  test("the question for the workspace has no fault", async () => {
    const { page, faults, accessibilityFaults } = await openPage(browser, { scheme });
    await page.goto(`${service.consoleUrl}/runs`);
    await page.getByLabel("Workspace").fill(WORKSPACE);
    expect(await accessibilityFaults()).toEqual([]);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
    expect(faults).toEqual([]);
  });
});

test("a policy that forbids styles would be seen: an element without the nonce is a fault", async () => {
  const { page, faults } = await openPage(browser);
  await page.goto(`${service.consoleUrl}/?workspace=${WORKSPACE}`);
  await page.getByRole("heading", { name: "Home" }).waitFor();
  await page.evaluate(() => {
    const style = document.createElement("style");
    style.textContent = "body { color: red }";
    document.head.append(style);
  });
  expect(faults).toEqual([expect.stringContaining("Content Security Policy")]);
});

test("a browser without a network shows the service of its own machine", async () => {
  const { page } = await openPage(browser);
  await page.goto(`${service.consoleUrl}/?workspace=${WORKSPACE}`);
  await page.getByText("failed at approve").first().waitFor();
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await page.getByRole("link", { name: "System" }).click();
  await page.getByRole("tab", { name: "Dead letters" }).click();
  await page.getByText("No message was put aside").waitFor();
});

test("the address names the workspace once, and is clean afterwards", async () => {
  const { page } = await openPage(browser);
  await page.goto(`${service.consoleUrl}/runs?state=failed&workspace=${WORKSPACE}`);
  await page.getByText("failed at approve").waitFor();
  expect(page.url()).toBe(`${service.consoleUrl}/runs?state=failed`);
});

test("behind a proxy that takes a prefix off, pages and files are below it", async () => {
  const { page, faults } = await openPage(browser);
  await page.route("**/flows/**", async (route) => {
    const url = route.request().url().replace("/flows/", "/");
    const headers = { ...route.request().headers(), "x-forwarded-prefix": "/flows" };
    await route.fulfill({ response: await route.fetch({ url, headers }) });
  });
  await page.goto(`${service.baseUrl}/flows/console/runs?workspace=${WORKSPACE}`);
  await page.getByText("failed at approve").waitFor();
  await page.getByRole("link", { name: "System" }).click();
  await page.getByText("What to do").waitFor();
  expect(page.url()).toBe(`${service.baseUrl}/flows/console/system`);
  expect(faults).toEqual([]);
  // The stream of the inbox is open still.
  await page.unrouteAll({ behavior: "ignoreErrors" });
});
