/** Two versions of a workflow beside each other: as a graph, as a list and as text, chosen by the address. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { startWholeService, type WholeService } from "../support/browser/whole-service.ts";

const FIRST = `workflow: expense
steps:
  receipt:
    task: Look at the receipt
    next: pay
  pay:
    task: Pay it
    next: archive
  archive:
    task: File it
`;
/** `archive` is gone, `manager` is new, `pay` has another name. The character in the comment turns a direction. */
const SECOND = `workflow: expense
# changed \u202e by Sam
steps:
  receipt:
    task: Look at the receipt
    next: manager
  manager:
    task: Ask the manager
    next: pay
  pay:
    task: Pay it at once
`;

let service: WholeService;
let definitionId = "";
let withoutFile = "";
beforeAll(async () => {
  service = await startWholeService();
  const { workspaceId } = service;
  const { sources, workflows } = service.as("user_author");
  const { definition } = await sources.publishSource({ workspaceId, sourceText: FIRST });
  definitionId = definition?.id ?? "";
  await sources.publishSource({ workspaceId, sourceText: SECOND });
  const step = { id: "only", name: "Only", stepType: StepType.HUMAN_TASK };
  withoutFile = await service.define("by-rpc", { steps: [step] });
  await workflows.publishVersion({
    definitionId: withoutFile,
    steps: [{ ...step, timeoutSeconds: 60 }],
  });
});
afterAll(() => service?.stop());

it("the graph of a version is dragged, and its button shows the steps that were out of sight", async () => {
  const ids = Array.from({ length: 40 }, (_, at) => `step-${at}`);
  const steps = ids.map((id) => ({ id, name: id, stepType: StepType.HUMAN_TASK }));
  const edges = ids.slice(1).map((toStepId, at) => ({ fromStepId: `step-${at}`, toStepId }));
  const { page } = await service.open(
    "user_olga",
    `/workflows/${await service.define("long", { steps, edges })}`,
  );
  const boxes = page.locator("[data-step]");
  await boxes.first().waitFor();
  expect(await boxes.count()).toBeLessThan(40);
  const graph = page.getByRole("region", { name: "Graph of the steps" });
  const shown = page.locator(".react-flow__viewport");
  const before = await shown.getAttribute("style");
  // Dragged about, and then fitted by the button: both need what is seen to have a height.
  await graph.locator(".react-flow__pane").dragTo(graph, { targetPosition: { x: 40, y: 40 } });
  expect(await shown.getAttribute("style")).not.toBe(before);
  await page.getByRole("button", { name: "Fit view" }).click();
  await page.locator('[data-step="step-39"]').waitFor();
  expect(await boxes.count()).toBe(40);
});

const compare = (id: string, query = "") => `/workflows/${id}?tab=compare${query}`;

function marked(page: Page, id: string, mark: string) {
  return page.locator(`[data-step="${id}"][data-mark="${mark}"]`);
}

it("marks steps and lines by icon and word, and lists the same in words", async () => {
  const { page, faults } = await service.open("user_olga", compare(definitionId));
  await marked(page, "manager", "added").getByText("added").waitFor();
  await marked(page, "archive", "removed").getByText("removed").waitFor();
  await marked(page, "pay", "changed").getByText("changed").waitFor();
  expect(await page.locator('[data-step="receipt"][data-mark]').count()).toBe(0);
  expect(await marked(page, "manager", "added").locator("svg").count()).toBe(2);
  const links = (mark: string) =>
    page.locator(`.link[data-mark="${mark}"] text`).evaluateAll((all) => all.length);
  expect(await links("added")).toBe(2);
  expect(await links("removed")).toBe(2);
  await page.locator(".link-label", { hasText: "× removed" }).first().waitFor();
  const list = page.getByRole("region", { name: "What differs" });
  await list.getByText("receipt → manager").waitFor();
  const pay = list.getByRole("listitem").filter({ hasText: /step\s*pay/ });
  expect(await pay.textContent()).toMatch(/^changed.*pay.*(name|config)/);
  expect(faults).toEqual([]);
});

it("shows the files as one text, with characters that turn a direction named", async () => {
  const { page, faults } = await service.open("user_olga", compare(definitionId, "&as=text"));
  const text = page.getByRole("region", { name: "Text with its changes" });
  await text.getByText("# changed ⟨U+202E⟩ by Sam").waitFor();
  const added = await text.locator("ins").allTextContents();
  const removed = await text.locator("del").allTextContents();
  expect(added).toContain("added:   manager:");
  expect(removed).toContain("removed:   archive:");
  await page.getByRole("button", { name: "Graph", exact: true }).click();
  await marked(page, "manager", "added").waitFor();
  expect(new URL(page.url()).searchParams.has("as")).toBe(false);
  expect(faults).toEqual([]);
});

it("compares what versions do where there is no file", async () => {
  const { page } = await service.open("user_olga", compare(withoutFile, "&from=1&to=2&as=text"));
  await page.getByText("A version was published without a file").waitFor();
  await page.locator("ins", { hasText: '"timeoutSeconds": 60' }).waitFor();
});

it("takes the versions from the address, and says that there is no such version", async () => {
  const { page } = await service.open("user_olga", compare(definitionId, "&from=2&to=1"));
  await marked(page, "archive", "added").waitFor();
  await page.getByLabel("From version").selectOption("1");
  await page.getByText("Both versions do the same").waitFor();
  expect(new URL(page.url()).searchParams.get("from")).toBe("1");
  await page.goto(page.url().replace("to=1", "to=9"));
  await page.getByText("There is no such thing here").waitFor();
});

it("is reached from the list of versions by the keyboard", async () => {
  const { page } = await service.open("user_olga", `/workflows/${definitionId}?tab=versions`);
  await page.getByRole("link", { name: "compare version 2 with 1" }).press("Enter");
  await marked(page, "manager", "added").waitFor();
});

describe.each(["light", "dark"] as const)("in %s", (scheme) => {
  it.each(["", "&as=text"])("the comparison%s has no fault", async (query) => {
    const { page, faults, accessibilityFaults } = await service.open(
      ...(["user_olga", compare(definitionId, query), { scheme }] as const),
    );
    await page.getByText("manager").first().waitFor();
    expect(await accessibilityFaults()).toEqual([]);
    expect(faults).toEqual([]);
  });
});
