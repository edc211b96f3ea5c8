/**
 * The page of a run: followed from its start to its end while people act in the inbox; orders, previews, and a service that dies.
 * Boundary: the whole service as a process, and a browser for each person.
 */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import {
  COMPLETED,
  FAILED,
  startWholeService,
  type WholeService,
} from "../support/browser/whole-service.ts";

const EXAMPLE = new URL("../../examples/approvals/expense.workflow.yaml", import.meta.url);
const { HUMAN_TASK } = StepType;

let service: WholeService;
let expenseId = "";
beforeAll(async () => {
  service = await startWholeService();
  const { workspaceId } = service;
  const sourceText = await readFile(EXAMPLE, "utf8");
  const { sources } = service.as("user_author");
  const { definition } = await sources.publishSource({ workspaceId, sourceText });
  expenseId = definition?.id ?? "";
});
afterAll(() => service?.stop());

function startExpense(amount: number): Promise<string> {
  const inputPayload = { employee: "Sam", amount_usd: amount };
  return service.start(expenseId, { inputPayload, initiatorUserId: "user_sam" });
}

/** How a step stands in the graph. */
function step(page: Page, id: string, state: string) {
  return page.locator(`[data-step="${id}"][data-state="${state}"]`);
}

function links(page: Page, state: "taken" | "dead") {
  return page.locator(`.link-${state}`);
}

/** Numbers of the moves that the history shows, the newest first. */
async function movesShown(page: Page): Promise<number[]> {
  const seqs = await page
    .locator("[data-seq]")
    .evaluateAll((rows) => rows.map((row) => Number(row.getAttribute("data-seq"))));
  return seqs;
}

it("is followed from its start to its end, and approved in the inbox by clicking", async () => {
  const runId = await startExpense(900);
  const watcher = await service.open("user_olga", `/runs/${runId}`);
  const { page } = watcher;
  await page.getByText("Live", { exact: true }).waitFor();
  await step(page, "receipt", "Waiting").waitFor();
  await step(page, "pay", "Pending").waitFor();

  const finance = await service.open("user_finance", "/inbox?view=mine");
  await finance.page.getByRole("link", { name: /Compare the receipt of Sam/ }).click();
  await finance.page.getByLabel("Yes").check();
  await finance.page.getByRole("button", { name: "Complete" }).click();
  await finance.page.getByText("completed it").waitFor();
  await step(page, "manager", "Waiting").waitFor();
  await page.getByText("waits for approval").first().waitFor();

  const manager = await service.open("user_manager", "/inbox?view=mine&kind=approval", {
    width: 375,
  });
  await manager.page.getByRole("link", { name: /An expense above 500 USD/ }).click();
  await manager.page.getByRole("heading", { name: "An expense above 500 USD" }).waitFor();
  await manager.page.getByLabel("Comment").fill("in budget");
  await manager.page.getByRole("button", { name: "Approve" }).click();
  await manager.page.locator("q", { hasText: "in budget" }).waitFor();
  await step(page, "pay", "Waiting").waitFor();

  await page.getByRole("link", { name: "Open the task" }).click();
  await page.getByLabel("Paid usd").fill("900");
  await page.getByRole("button", { name: "Complete" }).click();
  await page.getByText("completed it").waitFor();
  await page.goBack();
  await page.locator("h1").filter({ hasText: "expense" }).waitFor();
  await page.locator(".page-head").getByText("Completed", { exact: true }).waitFor();
  await step(page, "pay", "Completed").waitFor();
  await step(page, "refused", "Skipped").waitFor();
  expect(await links(page, "taken").count()).toBe(3);
  expect(await links(page, "dead").count()).toBe(2);
  await page.getByRole("tab", { name: /History/ }).click();
  await page.getByText("user_finance (unverified): CompleteTask through the console").waitFor();
  for (const { faults } of [watcher, finance, manager]) expect(faults).toEqual([]);
});

it("is denied with a reason, and without one it is asked for", async () => {
  const runId = await startExpense(700);
  await service.as("user_finance").inbox.completeTask({
    id: `${runId}/receipt/1`,
    output: { ok: true },
  });
  const item = `/inbox/${encodeURIComponent(`${runId}/manager/1`)}`;
  const stranger = await service.open("user_eve", item);
  await stranger.page.getByRole("button", { name: "Approve" }).click();
  await stranger.page.getByText("You are not asked").waitFor();
  const { page, faults } = await service.open("user_manager", item);
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByText("Say why you deny it").waitFor();
  await page.getByLabel("Comment").fill("no budget left");
  await page.getByRole("button", { name: "Deny" }).click();
  await page.locator("q", { hasText: "no budget left" }).waitFor();
  await page.getByText("Done", { exact: true }).waitFor();
  expect(faults).toEqual([]);
  // The other page learns that it was too late.
  await stranger.page.getByText("denied", { exact: false }).first().waitFor();
  expect(await stranger.page.getByRole("button", { name: "Approve" }).count()).toBe(0);
  await page.getByRole("link", { name: "Where this comes from" }).click();
  await step(page, "refused", "Waiting").waitFor();
});

it("tells who decides second that somebody was faster", async () => {
  const runId = await startExpense(800);
  const finance = service.as("user_finance");
  await finance.inbox.completeTask({ id: `${runId}/receipt/1`, output: { ok: true } });
  const id = `${runId}/manager/1`;
  const { page } = await service.open("user_manager", `/inbox/${encodeURIComponent(id)}`);
  const approve = page.getByRole("button", { name: "Approve" });
  await approve.waitFor();
  // The page does not ask again before the click.
  await page.route(/Inbox\/Get/, () => undefined);
  const { item } = await service.as("user_manager").inbox.get({ id });
  const digest = item?.digest ?? "";
  await service.as("user_manager").inbox.decide({ id, digest, verdict: 2, comment: "first" });
  await approve.click();
  await page.getByText("This is decided already").waitFor();
});

/** A step that is held after its failure, with one that follows. */
async function startHeld(): Promise<string> {
  const held = { instructions: "Charge", on_error: "hold" };
  const definitionId = await service.define(`order-${Math.random()}`, {
    steps: [
      { id: "reserve", name: "Reserve", stepType: HUMAN_TASK, compensationStepId: "free" },
      { id: "charge", name: "Charge the card", stepType: HUMAN_TASK, config: held },
      { id: "ship", name: "Ship it", stepType: HUMAN_TASK },
      { id: "free", name: "Free the goods", stepType: HUMAN_TASK },
    ],
    edges: [
      { fromStepId: "reserve", toStepId: "charge" },
      { fromStepId: "charge", toStepId: "ship" },
    ],
  });
  const runId = await service.start(definitionId);
  await service.move(runId, "reserve", COMPLETED);
  await service.move(runId, "charge", FAILED, "the bank is away");
  return runId;
}

it("retries a held step, from the step that is open in the address", async () => {
  const runId = await startHeld();
  const { page, faults } = await service.open("user_olga", `/runs/${runId}?step=charge`);
  await step(page, "charge", "Held").waitFor();
  const drawer = page.getByRole("complementary", { name: "Step charge" });
  await drawer.getByText("the bank is away").first().waitFor();
  await drawer.getByRole("button", { name: "Retry" }).click();
  const dialog = page.getByRole("dialog");
  const send = dialog.getByRole("button", { name: "Try the step again" });
  expect(await send.isDisabled()).toBe(true);
  await dialog.getByLabel("Reason").fill("the bank is back");
  await dialog.getByText(`workflows retry ${runId} charge --reason 'the bank is back'`).waitFor();
  await send.click();
  await step(page, "charge", "Waiting").waitFor();
  await drawer.getByText("2 attempts").waitFor();
  expect(faults).toEqual([]);
});

it("mends a held step in the inbox", async () => {
  const runId = await startHeld();
  const { page, faults } = await service.open("user_olga", "/inbox?kind=held");
  await page
    .getByRole("link", { name: /Charge the card/ })
    .first()
    .click();
  await page.getByText("It failed after one try").waitFor();
  await page.getByRole("button", { name: "Skip" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("paid in cash");
  await dialog.getByLabel("Output").fill(`{"paid": 1`);
  expect(await dialog.getByRole("button", { name: "Skip the step" }).isDisabled()).toBe(true);
  await dialog.getByLabel("Output").fill(`{"paid": 1}`);
  await dialog.getByRole("button", { name: "Skip the step" }).click();
  await page.getByText("Not needed any more").or(page.getByText("Done")).first().waitFor();
  const { workflows } = service.as("user_olga");
  const found = await until(async () => {
    const { run } = await workflows.getRun({ id: runId });
    const charge = run?.steps.find(({ stepId }) => stepId === "charge");
    return charge?.state === COMPLETED ? charge : undefined;
  });
  expect(found.outputPayload).toMatchObject({ paid: 1 });
  expect(faults).toEqual([]);
});

it("cancels a run once it has said what that does", async () => {
  const runId = await startHeld();
  const { page, faults } = await service.open("user_olga", `/runs/${runId}`);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Is cancelled").waitFor();
  await dialog.getByText("only Undo takes it back").waitFor();
  expect(await dialog.getByText("charge", { exact: true }).count()).toBe(1);
  await dialog.getByLabel("Reason").fill("entered twice");
  await dialog.getByRole("button", { name: "Cancel the run" }).click();
  await page.locator(".page-head").getByText("Cancelled", { exact: true }).waitFor();
  await page.getByText(/^Ended/).waitFor();
  // What has ended can still be undone, and the page follows that as well.
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await dialog.getByText("Is undone, in this order").waitFor();
  await dialog.getByLabel("Reason").fill("order withdrawn");
  await dialog.getByRole("button", { name: "Undo the run" }).click();
  await step(page, "free", "Waiting").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  expect(faults).toEqual([]);
});

it("plans a rerun and opens the run that it makes", async () => {
  const definitionId = await service.define("rerun-me", {
    steps: [
      { id: "first", name: "First", stepType: HUMAN_TASK },
      { id: "second", name: "Second", stepType: HUMAN_TASK },
    ],
    edges: [{ fromStepId: "first", toStepId: "second" }],
  });
  const runId = await service.start(definitionId);
  await service.move(runId, "first", COMPLETED);
  await service.move(runId, "second", FAILED, "no");
  const { page, faults } = await service.open("user_olga", `/runs/${runId}`);
  await page.getByRole("button", { name: "Run again" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Keeps the output it had").waitFor();
  await dialog.getByLabel("Reason").fill("mended");
  await dialog.getByRole("button", { name: "Run it again" }).click();
  await page.waitForURL((url) => url.pathname.includes("/runs/wfr_") && !url.href.includes(runId));
  await step(page, "first", "Completed").waitFor();
  await page.locator('[data-step="first"]').getByText("reused").waitFor();
  expect(faults).toEqual([]);
});

const CHAIN = Array.from({ length: 20 }, (_, n) => `s${n}`);

async function startChain(): Promise<string> {
  const definitionId = await service.define(`chain-${Math.random()}`, {
    steps: CHAIN.map((id) => ({ id, name: id, stepType: HUMAN_TASK })),
    edges: CHAIN.slice(1).map((toStepId, at) => ({ fromStepId: CHAIN[at] ?? "", toStepId })),
  });
  return service.start(definitionId);
}

async function complete(runId: string, from: number, to: number): Promise<void> {
  for (const id of CHAIN.slice(from, to)) await service.move(runId, id, COMPLETED);
}

const down = (from: number) => Array.from({ length: from }, (_, at) => from - at);

it("misses no move when the service is killed and comes back", async () => {
  const runId = await startChain();
  const { page } = await service.open("user_olga", `/runs/${runId}?tab=history`);
  await complete(runId, 0, 7);
  await page.locator('[data-seq="8"]').waitFor();
  await service.kill();
  await page.getByText("The service does not answer, trying again").waitFor();
  await service.restart();
  await complete(runId, 7, 14);
  await page.getByText("Live", { exact: true }).waitFor();
  await complete(runId, 14, 20);
  await page.locator('[data-seq="21"]').waitFor();
  expect(await movesShown(page)).toEqual(down(21));
  await page.locator(".page-head").getByText("Completed", { exact: true }).waitFor();
});

it("closes its stream while nobody sees the tab, and misses nothing of that time", async () => {
  const runId = await startChain();
  const { page, faults } = await service.open("user_olga", `/runs/${runId}?tab=history`);
  await complete(runId, 0, 3);
  await page.locator('[data-seq="4"]').waitFor();
  const closed = page.waitForEvent("requestfailed", (request) => /Runs\/Watch/.test(request.url()));
  await show(page, false);
  await closed;
  await complete(runId, 3, 9);
  expect(await movesShown(page)).toEqual(down(4));
  await show(page, true);
  await page.locator('[data-seq="10"]').waitFor();
  expect(await movesShown(page)).toEqual(down(10));
  expect(faults.filter((fault) => !fault.includes("Watch"))).toEqual([]);
});

/** As the browser does for a tab in front of which another one is opened. */
async function show(page: Page, isSeen: boolean): Promise<void> {
  const shown = JSON.stringify(isSeen ? "visible" : "hidden");
  await page.evaluate(`
    Object.defineProperty(document, "hidden", { value: ${!isSeen}, configurable: true });
    Object.defineProperty(document, "visibilityState", { value: ${shown}, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

it("asks every few seconds where a proxy holds the stream back, and says so", async () => {
  const runId = await startChain();
  const { page } = await service.open("user_olga", "/runs");
  await page.route(/Runs\/Watch/, () => undefined);
  await page.goto(page.url().replace("/runs", `/runs/${runId}`));
  await page.getByText("a proxy holds the stream back").waitFor();
  await page.getByRole("tab", { name: /History/ }).click();
  await complete(runId, 0, 5);
  await page.locator('[data-seq="6"]').waitFor();
  expect(await movesShown(page)).toEqual(down(6));
});
