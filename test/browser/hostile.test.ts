/** Texts of users that would be markup, script or a disguise: each is shown as a text. */
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

const HOSTILE: readonly [name: string, text: string][] = [
  ["an image with a handler", `<img src=x onerror="document.title='taken'">`],
  ["a script", "<script>document.title='taken'</script>"],
  ["an end of the page's own script", "</script><svg onload=document.title='taken'>"],
  ["a template", `{{constructor.constructor("document.title='taken'")()}}`],
  ["an address of a script", "javascript:document.title='taken'"],
  ["a change of direction", "invoice \u202Egnp.exe"],
  ["a long line", "x".repeat(120)],
];

let browser: Browser;
let service: ConsoleService;
beforeAll(async () => {
  [browser, service] = await Promise.all([startBrowser(), startConsoleService()]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

describe.each(HOSTILE)("%s", (_, text) => {
  /** Characters that are not drawn are named. */
  const named = text.replace("\u202E", "U+202E");
  const heading = text.replace("\u202E", "⟨U+202E⟩");

  test("is a text as name, description and tag of a workflow, and as an error of its run", async () => {
    const definitionId = await service.define(text, { description: text, tags: [text] });
    const runId = await service.start(definitionId);
    await service.end(runId, "FAILED", text);
    const { page, faults } = await openPage(browser);
    await page.goto(`${service.consoleUrl}/?workspace=${WORKSPACE}`);
    await page.getByRole("link", { name: named, exact: true }).first().waitFor();
    await page.goto(`${service.consoleUrl}/workflows?${new URLSearchParams({ tag: text })}`);
    await page.getByRole("link", { name: named, exact: true }).click();
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    const head = page.locator("header.page-head");
    const shown = head
      .getByText(named, { exact: true })
      .or(head.getByText(heading, { exact: true }));
    // Its name, its description, its tag.
    expect(await shown.count()).toBe(3);
    await page.goto(`${service.consoleUrl}/runs?${new URLSearchParams({ error: text })}`);
    await page.getByRole("link", { name: named, exact: true }).first().waitFor();
    expect(await page.title()).toBe("Runs · Workflows");
    expect(await page.locator("main img, main script, main iframe").count()).toBe(0);
    expect(faults).toEqual([]);
    // No text makes the page wider than it is.
    const widths = await page.evaluate(() => [document.body.scrollWidth, window.innerWidth]);
    expect(widths[0]).toBeLessThanOrEqual(widths[1] ?? 0);
  });

  test("is a text as owner of a workflow, and as the note of a version", async () => {
    const definitionId = await service.define(`of ${text}`);
    const workflows = createClient(Workflows, service.transport);
    const { workflow } = await workflows.get({ id: definitionId });
    await workflows.update({
      ...{ definitionId, owner: text, reason: text, etag: workflow?.etag ?? "" },
      updateMask: ["owner"],
    });
    const steps = { approve: { task: "Approve it" } };
    const sourceText = JSON.stringify({ workflow: `of ${text}`, steps });
    await workflows.publishSource({ workspaceId: WORKSPACE, sourceText, note: text });
    const { page, faults } = await openPage(browser);
    await page.goto(
      `${service.consoleUrl}/workflows/${definitionId}?workspace=${WORKSPACE}&tab=versions`,
    );
    const main = page.getByRole("main");
    await main
      .getByRole("tabpanel")
      .getByText(named)
      .or(main.getByRole("tabpanel").getByText(heading))
      .first()
      .waitFor();
    expect(await page.title()).not.toBe("taken");
    expect(await page.locator("main img, main script, main iframe").count()).toBe(0);
    expect(faults).toEqual([]);
  });

  test("is a text in the address", async () => {
    const { page, faults } = await openPage(browser);
    const query = new URLSearchParams({ entity: text, error: text, workspace: WORKSPACE });
    await page.goto(`${service.consoleUrl}/runs?${query}`);
    await page.getByText("No run matches").waitFor();
    expect(await page.title()).toBe("Runs · Workflows");
    expect(faults).toEqual([]);
  });
});
