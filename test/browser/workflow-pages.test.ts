/** The way of somebody who is new here, in a browser alone: from a template to the statistics of a run. */
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MissedTriggerState } from "../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import { until } from "../support/assertions/until.ts";
import { startWholeService, type WholeService } from "../support/browser/whole-service.ts";

let service: WholeService;
beforeAll(async () => {
  service = await startWholeService();
});
afterAll(() => service.stop());

/** What is left of the template's steps; the key of the approval is misspelt at first. */
function fileWith(approve: string): string {
  return `workflow: expense-approval
description: Approve an expense
on: manual
input: { employee: string, amount_usd: number }
steps:
  size:
    branch: input.amount_usd > 100
    then: { true: manager, false: receipt }
  manager:
    ${approve}: "{{ input.amount_usd }} USD for {{ input.employee }}"
    action: expense.pay
    by: [user_manager]
    on: { denied: receipt, expired: receipt }
    next: end
  receipt:
    task: Look at the receipt
`;
}

/** Writes a text in place of all that is in an editor. Chromium would style a text that takes the place of a styled one. */
async function write(editor: Locator, text: string) {
  await editor.focus();
  await editor.press("Control+a");
  await editor.press("Delete");
  await editor.page().keyboard.insertText(text);
}

async function openTab(page: Page, name: string) {
  await page.getByRole("tab", { name, exact: true }).click();
}

test("from a template over a draft and staging to a run by webhook, its approval and its statistics", async () => {
  const { page, faults, accessibilityFaults } = await service.open("user_new", "/templates");

  // Install a template.
  await page.getByRole("link", { name: /Expense approval/ }).click();
  await page.getByRole("heading", { name: "Install it" }).waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  await page.getByLabel(/Manager/i).fill("user_manager");
  await page.getByRole("button", { name: "Install" }).click();
  await page.getByRole("heading", { name: "expense-approval" }).waitFor();

  // Change a step, and see what is wrong with the change.
  await openTab(page, "Draft");
  await page.getByRole("button", { name: "Begin with version 1" }).click();
  const editor = page.getByRole("textbox", { name: "The workflow file" });
  await write(editor, fileWith("aprove"));
  const fault = page.getByRole("region", { name: "What is wrong with the draft" });
  await fault
    .getByText(/approve/)
    .first()
    .waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  await fault.getByRole("button", { name: "line 9" }).first().click();
  expect(await editor.evaluate((element) => element === document.activeElement)).toBe(true);
  await write(editor, fileWith("approve"));
  await page.getByText(/Can be published/).waitFor();

  // Simulate: who is asked depends on the amount.
  await page.getByRole("link", { name: "Simulate" }).click();
  await page.getByLabel("Employee").fill("sam");
  await page.getByLabel("Amount usd").fill("900");
  await page.getByRole("button", { name: "Simulate" }).click();
  const path = page.getByRole("region", { name: "Path" }).first();
  await path.getByText("manager").first().waitFor();
  await page.getByRole("region", { name: "Branches" }).getByText("size → manager").waitFor();
  await page.getByLabel("What if: manager").selectOption("it is denied");
  await path.getByText("receipt").first().waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  const simulated = page.url();
  await page.goto(simulated);
  await path.getByText("receipt").first().waitFor();

  // Publish to staging, then promote.
  await openTab(page, "Draft");
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByLabel("Deploy to").fill("staging");
  await page.getByText("What it changes against version 1").waitFor();
  await page.getByLabel(/Note/).fill("Only large expenses are approved");
  await page.getByRole("button", { name: "Publish the draft" }).click();
  await page.getByText("Version 2 is published.").waitFor();
  await openTab(page, "Deployments");
  const staging = page.getByRole("article", { name: "staging" });
  await staging.getByRole("link", { name: "version 2" }).waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  await staging.getByRole("button", { name: "Promote to production" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("What changes from version 1 to 2").waitFor();
  await dialog.getByLabel("Reason").fill("It works in staging");
  await dialog.getByRole("button", { name: "Promote to production" }).click();
  await page
    .getByRole("article", { name: "production" })
    .getByRole("link", { name: "version 2" })
    .waitFor();

  // Start a run by a webhook.
  await openTab(page, "Triggers");
  await page.getByRole("button", { name: "New endpoint" }).click();
  await page.getByRole("button", { name: "Make an endpoint" }).click();
  const url = await page.locator(".url-once code").first().innerText();
  expect(await accessibilityFaults()).toEqual([]);
  const body = JSON.stringify({ employee: "sam", amount_usd: 900 });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body });
  expect(answer.status).toBe(202);

  // Approve it, as the one who is asked.
  const { page: managers, faults: theirFaults } = await service.open("user_manager", "/inbox");
  await managers.getByRole("link", { name: /900 USD for sam/ }).click();
  await managers.getByRole("button", { name: "Approve" }).click();
  await managers.getByText("Done", { exact: true }).waitFor();

  // Read the statistics.
  const { sources } = service.as("user_new");
  const { workflows } = await sources.list({ workspaceId: service.workspaceId });
  const definitionId = workflows[0]?.definition?.id ?? "";
  await until(
    async () => (await sources.getStats({ definitionId })).successRate === 1 || undefined,
  );
  await openTab(page, "Statistics");
  await page.getByRole("region", { name: "How runs ended" }).getByText("Succeeded").waitFor();
  await page.getByText("100 %").waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  expect([...faults, ...theirFaults]).toEqual([]);
}, 120_000);

/** A workflow of one task, which is published under this name; gives its id. */
async function publish(name: string, more = ""): Promise<string> {
  const { sources } = service.as("user_author");
  const sourceText = `workflow: ${name}\ninput: { n: integer? }\nsteps:\n  look:\n    task: Look at it\n${more}`;
  const { workspaceId } = service;
  const { definition } = await sources.publishSource({ workspaceId, sourceText });
  return definition?.id ?? "";
}

test("two people who write one draft keep what both did, and nothing is overwritten unseen", async () => {
  const id = await publish("shared");
  const { sources } = service.as("user_ben");
  const first =
    "workflow: shared\nsteps:\n  look:\n    task: Look at it\n  then:\n    task: Then this\n";
  await sources.saveDraft({ definitionId: id, sourceText: first });
  const { page, faults } = await service.open("user_ann", `/workflows/${id}?tab=draft`);
  const editor = page.getByRole("textbox", { name: "The workflow file" });
  await editor.getByText("Then this").waitFor();
  const { draft } = await sources.getDraft({ definitionId: id });
  const theirs = first.replace("Look at it", "Look twice");
  await sources.saveDraft({ definitionId: id, sourceText: theirs, etag: draft?.etag ?? "" });
  await write(editor, first.replace("Then this", "Then that"));
  const note = page.getByRole("alert").filter({ hasText: "user_ben" });
  await note.getByRole("button", { name: "Keep both changes" }).click();
  await page.getByText(/Saved/).waitFor();
  const kept = await sources.getDraft({ definitionId: id });
  expect(kept.draft?.sourceText).toBe(theirs.replace("Then this", "Then that"));
  // The browser notes the refused save.
  expect(faults.filter((fault) => !fault.includes("409"))).toEqual([]);
});

test("a deployment that needs an approval says in the inbox what it changes, and starts runs when it is approved", async () => {
  const id = await publish("guarded");
  const { sources } = service.as("user_author");
  const { workspaceId } = service;
  await sources.putDeployPolicy({
    ...{ workspaceId, reason: "tests" },
    rules: [{ environment: "canary", approvers: ["user_chief"] }],
  });
  await sources.deploy({ definitionId: id, environment: "canary", version: 1, reason: "try it" });
  const { page, faults, accessibilityFaults } = await service.open(
    "user_chief",
    "/inbox?kind=deploy",
  );
  await page.getByRole("link", { name: /Deploy guarded version 1 to canary/ }).click();
  await page.getByText("Nothing starts runs there yet.").waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Done", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Where this comes from" }).click();
  const canary = page.getByRole("article", { name: "canary" });
  await canary.getByText("Active").waitFor();
  expect(faults).toEqual([]);
});

test("a paused workflow says why, lists what it missed, and starts it afterwards", async () => {
  const type = "shop.order.created";
  const id = await publish("halted", `on: { event: ${type} }\n`);
  const { page, faults, accessibilityFaults } = await service.open(
    "user_ops",
    `/workflows/${id}?tab=triggers`,
  );
  await page.getByRole("button", { name: "Pause" }).first().click();
  await page.getByLabel("Reason").fill("The bank is closed");
  await page.getByRole("button", { name: "Pause the workflow" }).click();
  await page
    .getByRole("region", { name: "Status: Paused" })
    .getByText(/The bank is closed/)
    .waitFor();
  const { workspaceId } = service;
  const { runs, sources } = service.as("user_ops");
  await runs.publishEvent({ workspaceId, type, data: { n: 1 } });
  const isMissedAs = async (state: MissedTriggerState) =>
    (await sources.listMissedTriggers({ definitionId: id, state })).totalSize === 1 || undefined;
  await until(() => isMissedAs(MissedTriggerState.DROPPED));
  await page.reload();
  const missed = page.getByRole("region", { name: "Missed triggers", exact: true });
  await missed.getByText("Dropped").waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  await page.getByRole("button", { name: "Resume" }).first().click();
  await page.getByRole("button", { name: "Resume the workflow" }).click();
  await missed.getByRole("checkbox").first().check();
  await missed.getByRole("button", { name: "Start 1 trigger" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("It is open again");
  await dialog.getByRole("button", { name: "Start 1 trigger" }).click();
  await until(() => isMissedAs(MissedTriggerState.STARTED));
  await page.reload();
  await missed.getByRole("link").first().waitFor();
  expect(faults).toEqual([]);
});

test("a schedule says in words when it runs before it is made, and can be run now", async () => {
  const id = await publish("nightly");
  const { page, faults, accessibilityFaults } = await service.open(
    "user_ops",
    `/workflows/${id}?tab=triggers`,
  );
  await page.getByRole("button", { name: "New schedule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("When").fill("every full moon");
  await dialog.getByRole("alert").waitFor();
  await dialog.getByRole("button", { name: "weekdays" }).click();
  await dialog.getByText(/Monday through Friday/).waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  await dialog.getByLabel(/Input of its runs/).fill('{"n": 7}');
  const make = dialog.getByRole("button", { name: "Make the schedule" });
  await dialog.getByLabel(/Acts for/).fill("finance");
  expect(await make.isDisabled()).toBe(true);
  await dialog.getByLabel(/Acts for/).fill("group:finance");
  await make.click();
  const schedules = page.getByRole("region", { name: "Schedules" });
  await schedules.getByText(/Monday through Friday/).waitFor();
  await schedules.getByText("group:finance").waitFor();
  await schedules.getByRole("button", { name: "Edit" }).click();
  await dialog.getByLabel(/Acts for/).fill("org");
  await dialog.getByText(/workflows schedules update wsc_.* --run-as org/).waitFor();
  await dialog.getByRole("button", { name: "Change the schedule" }).click();
  await schedules.getByText("org", { exact: true }).waitFor();
  await schedules.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("button", { name: "Run it now" }).click();
  await page.waitForURL("**/runs/wfr_*");
  const { run } = await service
    .as("user_ops")
    .workflows.getRun({ id: page.url().split("/").at(-1) ?? "" });
  expect(run?.inputPayload).toMatchObject({ n: 7 });
  expect(faults.filter((fault) => !fault.includes("400"))).toEqual([]);
});

test("the list filters by what is in the address, and a new workflow begins with a draft", async () => {
  await publish("listed-one");
  const { page, faults, accessibilityFaults } = await service.open(
    "user_new",
    "/workflows?q=listed&status=deployed",
  );
  await page.getByRole("link", { name: "listed-one" }).waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  await page.getByRole("button", { name: "Archived" }).click();
  await page.getByRole("button", { name: "Deployed" }).click();
  await page.getByText("No workflow matches").waitFor();
  expect(new URL(page.url()).searchParams.get("status")).toBe("archived");
  await page.getByRole("button", { name: "New workflow" }).click();
  await page.getByLabel("Name", { exact: true }).fill("brand-new");
  await page.getByRole("button", { name: "Make the workflow" }).click();
  await page.getByRole("button", { name: "Begin with an example" }).click();
  // Production would be the first to try it.
  await page.getByText("Can be published, 1 warning", { exact: true }).waitFor();
  await page.locator('[data-step="review"]').waitFor();
  expect(await accessibilityFaults()).toEqual([]);
  expect(faults).toEqual([]);
});

test("a limit of open runs and the rules of deployments are changed where they are shown", async () => {
  const id = await publish("limited");
  const { page, faults, accessibilityFaults } = await service.open(
    "user_ops",
    `/workflows/${id}?tab=settings`,
  );
  const limit = page.getByRole("article", { name: "Runs at once" });
  await limit.getByRole("button", { name: "Change" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Open runs at most").fill("2");
  await dialog.getByLabel(/^Of each/).fill("input.");
  await dialog.getByLabel("While so many are open").selectOption("drop");
  await dialog.getByRole("button", { name: "Save the limit" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel(/^Of each/).fill("customer.id");
  expect(await accessibilityFaults()).toEqual([]);
  await dialog.getByRole("button", { name: "Save the limit" }).click();
  await limit
    .getByText("At most 2 of each customer.id in each environment; further starts are dropped.")
    .waitFor();
  await limit.getByRole("button", { name: "Change" }).click();
  await dialog.getByLabel("Open runs at most").fill("");
  await dialog.getByRole("button", { name: "Save the limit" }).click();
  await limit.getByText("As many runs may be open as are started.").waitFor();

  await page.goto(page.url().replace("tab=settings", "tab=deployments"));
  const needs = page.getByRole("region", { name: "What deployments need" });
  await needs.getByRole("button", { name: "Edit" }).click();
  await dialog.getByLabel("Another environment").fill("qa");
  await dialog.getByLabel("Another environment").press("Enter");
  const rule = dialog.getByRole("group", { name: "qa needs" });
  await rule.getByLabel("an approval").uncheck();
  await rule.getByLabel("a simulation of the version").check();
  await rule.getByLabel(/^A run of the version in/).fill("staging");
  expect(await accessibilityFaults()).toEqual([]);
  await dialog.getByLabel("Reason").fill("tests come first");
  const line =
    "workflows environments policy qa --without-approval --simulated --ran-in staging --reason 'tests come first'";
  await dialog.getByText(line).waitFor();
  await dialog.getByRole("button", { name: "Save the policy" }).click();
  await needs
    .getByText("a simulation of the version, and a run of the version in staging")
    .waitFor();
  const { workspaceId } = service;
  const { policy } = await service.as("user_ops").sources.getDeployPolicy({ workspaceId });
  expect(policy?.rules.find(({ environment }) => environment === "qa")).toMatchObject({
    ...{ noApproval: true, requiresSimulation: true, ranIn: "staging", approvers: [] },
  });
  expect(faults.filter((fault) => !fault.includes("400"))).toEqual([]);
}, 120_000);
