/** The inbox as it changes: one stream for all tabs of a browser, which hidden tabs leave, and questions where there is none. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { startWholeService, type WholeService } from "../support/browser/whole-service.ts";

const TABS = 8;
/** Below what an inbox without a stream takes. */
const SOON_MS = 3_500;

let service: WholeService;
let definitionId = "";
beforeAll(async () => {
  service = await startWholeService();
  definitionId = await service.define("count", {
    steps: [{ id: "task", name: "Count {{ input.what }}", stepType: StepType.HUMAN_TASK }],
  });
});
afterAll(() => service?.stop());

async function ask(title: string): Promise<string> {
  const id = await service.define(title, {
    steps: [{ id: "task", name: title, stepType: StepType.HUMAN_TASK }],
  });
  return service.start(id);
}

const live = (page: Page) => page.getByText("Live", { exact: true });
const item = (page: Page, title: string) => page.getByRole("link", { name: new RegExp(title) });

/** The inbox in so many tabs of one browser; each counts the streams that it has opened and closed. */
async function openTabs(count: number) {
  const { page, faults } = await service.open("user_ann", "/inbox");
  const pages = [page];
  while (pages.length < count) {
    const next = await page.context().newPage();
    next.setDefaultTimeout(10_000);
    await next.goto(page.url());
    pages.push(next);
  }
  return { pages, faults };
}

/** As the browser does for a tab in front of which another one is opened. */
async function show(page: Page, isSeen: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, "hidden", { value: ${!isSeen}, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

it("has one stream for eight tabs, each of which is live, and calls are answered", async () => {
  const streams = new Set<unknown>();
  const { pages } = await openTabs(1);
  const [first] = pages;
  if (first === undefined) throw new Error("there is a page");
  const context = first.context();
  context.on("request", (request) => {
    if (/Inbox\/Watch/.test(request.url())) streams.add(request);
  });
  context.on("requestfailed", (request) => streams.delete(request));
  await first.reload();
  while (pages.length < TABS) {
    const next = await context.newPage();
    next.setDefaultTimeout(10_000);
    await next.goto(first.url());
    pages.push(next);
  }
  await Promise.all(pages.map((page) => live(page).waitFor()));
  expect(streams.size).toBe(1);
  await ask("lamps");
  await Promise.all(pages.map((page) => item(page, "lamps").waitFor({ timeout: SOON_MS })));
  const last = pages.at(-1) ?? first;
  await last.getByRole("link", { name: "System" }).click();
  await last.getByText("What to do").waitFor();
  expect(streams.size).toBe(1);

  // The tab that has it goes, and another one goes on.
  await first.close();
  await ask("chairs");
  const others = pages.slice(1, -1);
  await Promise.all(others.map((page) => item(page, "chairs").waitFor()));
  await Promise.all(others.map((page) => live(page).waitFor()));
});

it("leaves two connections for calls when every tab shows an open run", async () => {
  const { page } = await service.open("user_ann", "/inbox");
  const context = page.context();
  const runs = await Promise.all(
    Array.from({ length: TABS }, () =>
      service.start(definitionId, { inputPayload: { what: "lamps, please" } }),
    ),
  );
  const pages: Page[] = [];
  for (const runId of runs) {
    const next = await context.newPage();
    next.setDefaultTimeout(15_000);
    await next.goto(page.url().replace("/inbox", `/runs/${runId}`));
    pages.push(next);
  }
  await Promise.all(
    pages.map((each) => live(each).or(each.getByText("other pages of this browser")).waitFor()),
  );
  const [last = page] = pages.slice(-1);
  await last.getByRole("tab", { name: "Data" }).click();
  await last.getByRole("button", { name: "Input", exact: true }).click();
  await last.getByText("lamps, please").waitFor();
  await context.close();
});

it("closes the stream of a hidden tab, and shows what came meanwhile when it is seen again", async () => {
  const { pages } = await openTabs(1);
  const [page] = pages;
  if (page === undefined) throw new Error("there is a page");
  await live(page).waitFor();
  const closed = page.waitForEvent("requestfailed", (request) => /Watch/.test(request.url()));
  await show(page, false);
  await closed;
  await ask("tables");
  await show(page, true);
  await item(page, "tables").waitFor();
  await live(page).waitFor();
});

it("asks every few seconds where a proxy holds the stream back, and says so in every tab", async () => {
  const { page } = await service.open("user_bob", "/inbox");
  const context = page.context();
  await context.route(/Inbox\/Watch/, () => undefined);
  await page.reload();
  const other = await context.newPage();
  await other.goto(page.url());
  for (const each of [page, other]) {
    await each.getByText("a proxy holds the stream back").waitFor();
  }
  await ask("rugs");
  for (const each of [page, other]) await item(each, "rugs").waitFor();
});

it("says so where the browser cannot share a stream", async () => {
  const { page } = await service.open("user_bob", "/inbox");
  await page.addInitScript({
    content: `Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined })`,
  });
  await page.reload();
  await page.getByText("cannot share a stream").waitFor();
  await ask("beds");
  await item(page, "beds").waitFor();
});

it("shows runs, and asks for the inbox, where the browser blocks site data", async () => {
  const { page } = await service.open("user_bob", "/inbox");
  await page.addInitScript({
    content: `
      const blocked = () => new DOMException("it is blocked", "SecurityError");
      LockManager.prototype.request = () => Promise.reject(blocked());
    `,
  });
  await page.reload();
  await page.getByText("this browser blocks site data").waitFor();
  await ask("lanterns");
  await item(page, "lanterns").waitFor();
  const runId = await service.start(definitionId, { inputPayload: { what: "lamps" } });
  await page.goto(page.url().replace("/inbox", `/runs/${runId}`));
  await live(page).waitFor();

  await page.addInitScript({
    content: "globalThis.BroadcastChannel = class { constructor() { throw blocked(); } }",
  });
  await page.goto(page.url().replace(/\/runs\/.*/, "/inbox"));
  await page.getByText("this browser blocks site data").waitFor();
});

it("goes on when the service was away", async () => {
  const { page } = await service.open("user_ann", "/inbox");
  await live(page).waitFor();
  await service.kill();
  await page.getByText("The service does not answer").first().waitFor();
  await service.restart();
  await live(page).waitFor({ timeout: 15_000 });
  await ask("stools");
  await item(page, "stools").waitFor({ timeout: SOON_MS });
});
