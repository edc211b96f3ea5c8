/** Starting a run from the page of its workflow. */

import { createClient } from "@connectrpc/connect";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { openPage, startBrowser } from "../support/browser/browser.ts";
import {
  type ConsoleService,
  startConsoleService,
  WORKSPACE,
} from "../support/browser/console-service.ts";

const FILE = `workflow: expense
description: Pays an expense
input: { employee: string, days: integer, amount_usd: number, urgent: boolean }
steps:
  pay:
    task: Pay it
`;

let browser: Browser;
let service: ConsoleService;
let withForm = "";
let withoutSchema = "";
beforeAll(async () => {
  [browser, service] = await Promise.all([startBrowser(), startConsoleService()]);
  const sources = createClient(Workflows, service.transport);
  const { definition } = await sources.publishSource({ workspaceId: WORKSPACE, sourceText: FILE });
  withForm = definition?.id ?? "";
  withoutSchema = await service.define("plain");
});
afterAll(async () => {
  await browser.close();
  await service.stop();
});

async function openWorkflow(id: string, query = "") {
  const opened = await openPage(browser);
  await opened.page.goto(`${service.consoleUrl}/workflows/${id}?${query}&workspace=${WORKSPACE}`);
  return opened;
}

/** The input of the run whose page the browser is on. */
async function inputOfRun(url: string) {
  const { run } = await service.client.getRun({ id: url.split("/").at(-1) ?? "" });
  return run?.inputPayload;
}

test("a form is made of the input's schema, and what is typed has the schema's types", async () => {
  const { page, faults, accessibilityFaults } = await openWorkflow(withForm);
  await page.getByRole("button", { name: "Start" }).click();
  const start = page.getByRole("button", { name: "Start the run" });
  expect(await start.isDisabled()).toBe(true);
  await page.getByLabel("employee").fill("Sam O'Neil");
  await page.getByLabel("days").fill("2.5");
  await page.getByLabel("Amount usd").fill("40.25");
  expect(await start.isDisabled()).toBe(true);
  await page.getByLabel("days").fill("2");
  await page.getByRole("radio", { name: "Yes" }).check();
  expect(await accessibilityFaults()).toEqual([]);
  const line = await page.locator(".dialog .cli code").textContent();
  expect(line).toContain(
    `workflows start expense --input '{"employee":"Sam O'\\''Neil","days":2,"amount_usd":40.25,"urgent":true}'`,
  );
  await start.click();
  await page.waitForURL("**/runs/wfr_*");
  expect(await inputOfRun(page.url())).toEqual({
    employee: "Sam O'Neil",
    days: 2,
    amount_usd: 40.25,
    urgent: true,
  });
  expect(faults).toEqual([]);
});

test("without a schema the input is JSON, and what is none cannot be sent", async () => {
  const { page } = await openWorkflow(withoutSchema);
  await page.getByRole("button", { name: "Start" }).click();
  const start = page.getByRole("button", { name: "Start the run" });
  await page.getByLabel("Input, a JSON object").fill("[1]");
  await page.getByText("This is no JSON object").waitFor();
  expect(await start.isDisabled()).toBe(true);
  await page.getByLabel("Input, a JSON object").fill('{"deep": {"list": [1, null]}}');
  await start.click();
  await page.waitForURL("**/runs/wfr_*");
  expect(await inputOfRun(page.url())).toEqual({ deep: { list: [1, null] } });
});

test("a run can be started like an earlier one", async () => {
  const input = { employee: "Ada", days: 3, amount_usd: 7, urgent: false };
  const earlier = await service.start(withForm, input);
  const { page } = await openWorkflow(withForm, `like=${earlier}`);
  await page.getByRole("dialog").waitFor();
  expect(await page.getByLabel("employee").inputValue()).toBe("Ada");
  await page.getByLabel("days").fill("4");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL("**/runs/wfr_*");
  expect(await inputOfRun(page.url())).toEqual({ ...input, days: 4 });
});

test("two clicks start one run", async () => {
  const { page } = await openWorkflow(withoutSchema);
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByLabel("Input, a JSON object").fill('{"once": true}');
  await page.getByRole("button", { name: "Start the run" }).dblclick();
  await page.waitForURL("**/runs/wfr_*");
  const { runs } = await service.client.listRuns({
    workspaceId: WORKSPACE,
    definitionId: withoutSchema,
  });
  const found = await Promise.all(runs.map(({ id }) => service.client.getRun({ id })));
  expect(found.filter(({ run }) => run?.inputPayload?.once === true)).toHaveLength(1);
});
