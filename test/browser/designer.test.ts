/** The designer of a draft: from an empty canvas to an approved run, by two people at once, and with more than it is made for. */
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { startWholeService, type WholeService } from "../support/browser/whole-service.ts";

let service: WholeService;
beforeAll(async () => {
  service = await startWholeService();
});
afterAll(() => service.stop());

function canvasOf(page: Page): Locator {
  return page.getByRole("region", { name: "Canvas of the steps" });
}

function stepOf(page: Page, id: string): Locator {
  return canvasOf(page).locator(`[data-step="${id}"]`);
}

function paletteItem(page: Page, word: string): Locator {
  return page.getByRole("toolbar").getByRole("button", { name: word, exact: true });
}

/** The middle of what is shown. */
async function middleOf(shown: Locator): Promise<{ x: number; y: number }> {
  const box = await shown.boundingBox();
  if (box === null) throw new Error("it is not shown");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Draws a path from an end of a step to a place. */
async function drawFrom(page: Page, id: string, port: string, to: { x: number; y: number }) {
  const node = canvasOf(page).locator(`.react-flow__node[data-id="${id}"]`);
  const from = await middleOf(node.locator(`[data-port="${port}"]`));
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 4 });
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
}

/** Each path that the designer shows, as the text says it. */
async function pathsOf(page: Page): Promise<string[]> {
  const wires = canvasOf(page).locator("[data-wire]");
  const ids = await wires.evaluateAll((all) => all.map((wire) => wire.getAttribute("data-wire")));
  return ids
    .map((id) => {
      const [from, to, label] = JSON.parse(id ?? "[]");
      return `${from} -${label}-> ${to}`;
    })
    .sort();
}

async function untilPaths(page: Page, wanted: readonly string[]): Promise<void> {
  await until(async () => ((await pathsOf(page)).join() === wanted.join() ? true : undefined));
}

/** A workflow with a draft and no version; gives its id. */
async function draftOf(name: string, sourceText: string): Promise<string> {
  const { workflows, sources } = service.as("user_ann");
  const { workspaceId } = service;
  const { definition } = await workflows.createDefinition({ workspaceId, name });
  const definitionId = definition?.id ?? "";
  await sources.saveDraft({ definitionId, sourceText });
  return definitionId;
}

test("expense approval is drawn from nothing, mended, simulated both ways, published, run and approved", async () => {
  const { page, faults, accessibilityFaults } = await service.open("user_new", "/workflows");
  await page.getByRole("button", { name: "New workflow" }).click();
  await page.getByLabel("Name", { exact: true }).fill("expense-approval");
  await page.getByRole("button", { name: "Make the workflow" }).click();
  await page.getByRole("button", { name: "Begin with an empty canvas" }).click();

  // A step by a click: what it lacks is said at once, on the node and in its form.
  await paletteItem(page, "Condition").click();
  await stepOf(page, "decision").waitFor();
  await canvasOf(page).locator('[data-step="decision"][data-faults]').waitFor();
  const form = page.getByRole("form", { name: "Step decision" });
  await form.getByText("has no edge to choose").waitFor();
  expect(await accessibilityFaults()).toEqual([]);

  // What runs take.
  await form.getByRole("button", { name: "Close the form" }).click();
  const whole = page.getByRole("form", { name: "The workflow" });
  const input = whole.getByRole("group", { name: "Input" });
  await input.getByRole("button", { name: "Add a field" }).click();
  await input.getByLabel("Name 1").fill("employee");
  await input.getByRole("button", { name: "Add a field" }).click();
  await input.getByLabel("Name 2").fill("amount_usd");
  await input.getByLabel("Type 2").selectOption("number");
  await whole.getByLabel("Timeout").fill("7d");
  await whole.getByLabel("Timeout").blur();

  // A condition, completed from what the workflow takes.
  await stepOf(page, "decision").click();
  const expression = form.getByRole("textbox", { name: "Expression" });
  await expression.focus();
  await page.keyboard.type("input.am");
  await page.getByRole("option", { name: /input\.amount_usd/ }).waitFor();
  // It takes no key before a moment has passed, so that nobody takes what has just come up.
  await page.getByRole("option", { name: /input\.amount_usd/ }).click();
  await page.keyboard.type(" > 500");
  await page.getByRole("button", { name: "Text", exact: true }).click();
  const text = page.getByRole("textbox", { name: "The workflow file" });
  await text.getByText("input.amount_usd > 500").waitFor();

  // A step by a drag onto another one, and one by a path to an empty place.
  await paletteItem(page, "Approval").dragTo(stepOf(page, "decision"));
  await untilPaths(page, ["decision -true-> approval"]);
  const ids = page.getByRole("form", { name: "Step approval" }).getByLabel("Id", { exact: true });
  expect(await ids.inputValue()).toBe("approval");
  const box = await canvasOf(page).boundingBox();
  const empty = { x: (box?.x ?? 0) + 90, y: (box?.y ?? 0) + (box?.height ?? 0) - 200 };
  await drawFrom(page, "decision", "false", empty);
  const follows = page.getByRole("group", { name: "What follows decision" });
  expect(await accessibilityFaults()).toEqual([]);
  await follows.getByRole("button", { name: "Notification" }).click();
  await untilPaths(page, ["decision -false-> notify", "decision -true-> approval"]);

  // Paths by the pointer, and by the keyboard.
  await drawFrom(page, "approval", "", await middleOf(stepOf(page, "notify")));
  await untilPaths(page, [
    ...["approval --> notify", "decision -false-> notify", "decision -true-> approval"],
  ]);
  await stepOf(page, "approval").focus();
  await page.keyboard.press("Enter");
  const approval = page.getByRole("form", { name: "Step approval" });
  await approval.getByLabel("Outcome").selectOption("expired");
  await approval.getByLabel("Next step").selectOption("notify");
  await approval.getByRole("button", { name: "Add path" }).click();
  await untilPaths(page, [
    ...["approval --> notify", "approval -expired-> notify"],
    ...["decision -false-> notify", "decision -true-> approval"],
  ]);

  // What is wrong with it is mended where it is shown.
  await approval.getByText("action: NAME", { exact: true }).waitFor();
  await approval.getByLabel("Action", { exact: true }).fill("expense.pay");
  await approval.getByLabel("Approvers", { exact: true }).fill("user_manager");
  await approval.getByLabel("Approvers", { exact: true }).blur();
  await stepOf(page, "notify").click();
  const notify = page.getByRole("form", { name: "Step notify" });
  await notify.getByLabel("Recipient", { exact: true }).fill("finance@example.com");
  await page.getByText(/^Can be published/).waitFor();
  expect(await canvasOf(page).locator("[data-faults]").count()).toBe(0);

  // Taken out and brought back.
  await stepOf(page, "approval").focus();
  await page.keyboard.press("Delete");
  await untilPaths(page, ["decision -false-> notify", "decision -true-> notify"]);
  await stepOf(page, "decision").focus();
  await page.keyboard.press("Control+z");
  await stepOf(page, "approval").waitFor();
  await page.keyboard.press("Control+Shift+z");
  await untilPaths(page, ["decision -false-> notify", "decision -true-> notify"]);
  await page.getByRole("button", { name: "Undo" }).click();
  await stepOf(page, "approval").waitFor();

  // Both branches, with the path lit on the canvas.
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByLabel("Employee").fill("sam");
  await page.getByLabel("Amount usd").fill("900");
  await page.getByRole("button", { name: "Play it" }).click();
  await canvasOf(page).locator('[data-step="approval"][data-state="Completed"]').waitFor();
  await page.getByLabel("What if: approval").selectOption("nobody decides in time");
  const expired = canvasOf(page).locator(
    `.link-taken [data-wire='["approval","notify","expired"]']`,
  );
  await expired.waitFor({ state: "attached" });
  expect(await accessibilityFaults()).toEqual([]);
  await page.getByLabel("Amount usd").fill("100");
  await page.getByRole("button", { name: "Play it again" }).click();
  await canvasOf(page).locator('[data-step="approval"][data-state="Skipped"]').waitFor();

  // Published, run and approved.
  await page.getByText(/^Saved/).waitFor();
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("button", { name: "Publish the draft" }).click();
  await page.getByText("Version 1 is published.").waitFor();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Employee").fill("sam");
  await dialog.getByLabel("Amount usd").fill("900");
  await dialog.getByRole("button", { name: /Start/ }).click();
  await page.waitForURL("**/runs/wfr_*");
  const runId = /wfr_\w+/.exec(page.url())?.[0] ?? "";
  const { page: managers, faults: theirFaults } = await service.open("user_manager", "/inbox");
  await managers.getByRole("link", { name: /What is to be approved/ }).click();
  await managers.getByRole("button", { name: "Approve" }).click();
  await managers.getByText("Done", { exact: true }).waitFor();
  const { workflows } = service.as("user_new");
  await until(async () => {
    const { run } = await workflows.getRun({ id: runId });
    return run?.state === WorkflowState.COMPLETED || undefined;
  });
  expect([...faults, ...theirFaults]).toEqual([]);
}, 180_000);

const TWO_STEPS = `workflow: NAME # kept
steps:
  look: { task: Look at it }
  after: { task: Then this }
`;

test("two people at once keep what both did on the canvas and in the text, and a moved box asks nobody", async () => {
  const id = await draftOf("shared-canvas", TWO_STEPS.replace("NAME", "shared-canvas"));
  const { page, faults } = await service.open("user_ann", `/workflows/${id}?tab=draft`);
  const { sources } = service.as("user_ben");
  await stepOf(page, "after").waitFor();
  const first = (await sources.getDraft({ definitionId: id })).draft;
  const layout = { steps: { look: { x: 0, y: 0 }, after: { x: 480, y: 240 } } };
  await sources.saveDraft({
    ...{ definitionId: id, sourceText: first?.sourceText ?? "", etag: first?.etag ?? "", layout },
  });
  const zoom = () => canvasOf(page).locator(".react-flow__viewport").getAttribute("style");
  const shown = await zoom();
  await canvasOf(page).getByRole("button", { name: "Zoom In" }).click();
  await until(async () => ((await zoom()) !== shown ? true : undefined));
  await canvasOf(page).getByRole("button", { name: "Fit View" }).click();
  await until(async () => ((await zoom())?.includes("scale(1)") ? true : undefined));
  // They have moved a box; a step is added here.
  await stepOf(page, "after").click();
  await paletteItem(page, "Delay").click();
  await page.getByText(/^Saved/).waitFor();
  await until(async () => {
    const { draft } = await sources.getDraft({ definitionId: id });
    return draft?.sourceText.includes("wait: 15m") || undefined;
  });
  const joined = (await sources.getDraft({ definitionId: id })).draft;
  expect(joined?.layout).toMatchObject(layout);
  expect(joined?.sourceText).toContain("# kept");

  // They change a step in the text; another one is changed in its form here.
  const theirs = joined?.sourceText.replace("Look at it", "Look twice") ?? "";
  await sources.saveDraft({
    ...{ definitionId: id, sourceText: theirs, etag: joined?.etag ?? "", layout },
  });
  const form = page.getByRole("form", { name: "Step delay" });
  await form.getByLabel("Duration", { exact: true }).fill("2h");
  const note = page.getByRole("alert").filter({ hasText: "user_ben" });
  await note.getByRole("button", { name: "Keep both changes" }).click();
  await until(async () => {
    const { draft } = await sources.getDraft({ definitionId: id });
    return /Look twice[\s\S]*wait: 2h/.test(draft?.sourceText ?? "") || undefined;
  });
  // What is taken back here leaves theirs in.
  await stepOf(page, "delay").focus();
  await page.keyboard.press("Control+z");
  await until(async () => {
    const { draft } = await sources.getDraft({ definitionId: id });
    return /Look twice[\s\S]*wait: 15m/.test(draft?.sourceText ?? "") || undefined;
  });
  // Keys are for the path that was clicked.
  const wires = ["after --> delay", "look --> after"];
  await untilPaths(page, wires);
  const wire = canvasOf(page).locator(`[data-wire='["look","after",""]']`);
  const { x, y } = await wire.evaluate((element) => {
    const path = element as unknown as SVGPathElement;
    const at = path.getPointAtLength(path.getTotalLength() / 2);
    const matrix = path.getScreenCTM();
    return new DOMPoint(at.x, at.y).matrixTransform(matrix ?? undefined);
  });
  await page.mouse.click(x, y);
  await page.getByRole("form", { name: "Path from look to after" }).waitFor();
  await page.keyboard.press("Delete");
  await untilPaths(page, ["after --> delay"]);
  await page.keyboard.press("Control+z");
  await untilPaths(page, wires);
  // The browser notes the refused saves.
  expect(faults.filter((fault) => !fault.includes("409"))).toEqual([]);
});

const FOUR_STEPS = `workflow: NAME
input: { amount: number }
steps:
  one: { task: First }
  two: { task: Second }
  three: { task: Third, next: { when: input.amount > 5, go: four } }
  four: { task: Fourth }
`;

async function chosenOn(page: Page): Promise<string[]> {
  const pressed = canvasOf(page).locator('[data-step][aria-pressed="true"]');
  return pressed.evaluateAll((all) => all.map((step) => step.getAttribute("data-step") ?? ""));
}

async function untilChosen(page: Page, wanted: readonly string[]): Promise<void> {
  await until(async () => ((await chosenOn(page)).join() === wanted.join() ? true : undefined));
}

test("several steps are chosen, moved, duplicated, cut and pasted, each as one change, by the pointer and by keys", async () => {
  const id = await draftOf("several", FOUR_STEPS.replace("NAME", "several"));
  const { page, faults, accessibilityFaults } = await service.open(
    "user_ann",
    `/workflows/${id}?tab=draft`,
  );
  const wires = ["one --> two", "three --> four", "two --> three"];
  await untilPaths(page, wires);
  await stepOf(page, "one").click();
  await stepOf(page, "two").click({ modifiers: ["Shift"] });
  await page.keyboard.press("Shift+ArrowDown");
  await untilChosen(page, ["one", "two", "three"]);
  const form = page.getByRole("form", { name: "3 steps" });
  await form.waitFor();
  expect(await accessibilityFaults()).toEqual([]);

  // All of them move with the one that is dragged.
  const [from, before] = [await middleOf(stepOf(page, "one")), await middleOf(stepOf(page, "two"))];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x - 120, from.y, { steps: 6 });
  await page.mouse.up();
  await until(async () => (await middleOf(stepOf(page, "two"))).x < before.x - 90 || undefined);
  await page.keyboard.press("Control+z");
  await until(async () => (await middleOf(stepOf(page, "two"))).x === before.x || undefined);

  // Copies are chosen then, and keys are for them.
  await page.keyboard.press("Control+d");
  const copied = ["one-2 --> two-2", "two-2 --> three-2"];
  await untilPaths(page, [...wires, ...copied].sort());
  await untilChosen(page, ["one-2", "two-2", "three-2"]);
  await page.keyboard.press("Delete");
  await untilPaths(page, wires);
  await page.keyboard.press("Control+z");
  await untilPaths(page, [...wires, ...copied].sort());
  await page.keyboard.press("Control+z");
  await untilPaths(page, wires);

  // A box, and the clipboard.
  const pane = await canvasOf(page).boundingBox();
  const [left, top] = [(pane?.x ?? 0) + 10, (pane?.y ?? 0) + 10];
  const end = await middleOf(stepOf(page, "two"));
  await page.keyboard.down("Shift");
  await page.mouse.move(left, top);
  await page.mouse.down();
  await page.mouse.move(end.x, end.y, { steps: 6 });
  await page.mouse.up();
  await page.keyboard.up("Shift");
  await untilChosen(page, ["one", "two"]);
  await page.keyboard.press("Control+x");
  await untilPaths(page, ["three --> four"]);
  await page.keyboard.press("Control+v");
  await untilPaths(page, ["one --> two", "three --> four"]);
  await untilChosen(page, ["one", "two"]);
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+z");
  await untilPaths(page, wires);

  // The buttons of the canvas have their keys, whatever is chosen.
  await stepOf(page, "four").click();
  const view = canvasOf(page).locator(".react-flow__viewport");
  const seen = await view.getAttribute("style");
  await page.getByRole("button", { name: "Zoom Out" }).press("Enter");
  await until(async () => (await view.getAttribute("style")) !== seen || undefined);

  // What is taken back at once is the change that was asked for last.
  await page.keyboard.press("Escape");
  await stepOf(page, "four").click();
  await page.keyboard.press("Control+d");
  await untilChosen(page, ["four-2"]);
  await canvasOf(page).evaluate((canvas) => {
    for (const pressed of [{ key: "Delete" }, { key: "z", ctrlKey: true }]) {
      canvas.dispatchEvent(new KeyboardEvent("keydown", { ...pressed, bubbles: true }));
    }
  });
  await page.locator('button[aria-label="Redo"]:enabled').waitFor();
  await page.getByRole("button", { name: "Text", exact: true }).click();
  await page.getByRole("textbox", { name: "The workflow file" }).getByText("four-2").waitFor();
  expect(faults).toEqual([]);
});

test("the end of a path is led to another step by the pointer and in its form, and a rename keeps the focus", async () => {
  const id = await draftOf("led", FOUR_STEPS.replace("NAME", "led"));
  const { page, faults } = await service.open("user_ann", `/workflows/${id}?tab=draft`);
  await untilPaths(page, ["one --> two", "three --> four", "two --> three"]);
  const end = await middleOf(canvasOf(page).locator(".react-flow__edgeupdater-target").first());
  const to = await middleOf(stepOf(page, "four"));
  await page.mouse.move(end.x, end.y - 4);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y - 30, { steps: 8 });
  await page.mouse.up();
  await untilPaths(page, ["one --> four", "three --> four", "two --> three"]);
  const form = page.getByRole("form", { name: "Path from one to four" });
  const target = page.getByLabel("To", { exact: true });
  await form.waitFor();
  await target.focus();
  await target.selectOption("three");
  await untilPaths(page, ["one --> three", "three --> four", "two --> three"]);
  await page.getByRole("form", { name: "Path from one to three" }).waitFor();
  expect(await target.evaluate((field) => field === document.activeElement)).toBe(true);
  await page
    .getByRole("form", { name: "Path from one to three" })
    .getByLabel("From", { exact: true })
    .selectOption("two");
  await untilPaths(page, ["three --> four", "two --> three"]);

  await stepOf(page, "four").click();
  const name = page.getByLabel("Id", { exact: true });
  await name.fill("last");
  await page.keyboard.press("Enter");
  await untilPaths(page, ["three --> last", "two --> three"]);
  await page.getByRole("form", { name: "Step last" }).waitFor();
  expect(await name.evaluate((field) => field === document.activeElement)).toBe(true);
  await name.fill("end-of-it");
  await page.keyboard.press("Tab");
  await page.getByRole("form", { name: "Step end-of-it" }).waitFor();
  const next = page.getByText("Merged input: fields not known");
  expect(await next.evaluate((summary) => summary === document.activeElement)).toBe(true);
  await next.click();
  await page.getByRole("list", { name: "Merged input" }).getByText("three").waitFor();
  await page.getByRole("button", { name: "Remove the step" }).press("Enter");
  const whole = page.getByRole("form", { name: "The workflow" }).getByRole("heading");
  await until(
    async () => (await whole.evaluate((head) => head === document.activeElement)) || undefined,
  );
  expect(faults).toEqual([]);
});

test("a draft that was discarded meanwhile says so, and what is here can be saved again", async () => {
  const id = await draftOf("gone-canvas", TWO_STEPS.replace("NAME", "gone-canvas"));
  const { page, faults } = await service.open("user_ann", `/workflows/${id}?tab=draft`);
  await stepOf(page, "after").waitFor();
  const { sources } = service.as("user_ben");
  const { draft } = await sources.getDraft({ definitionId: id });
  await sources.discardDraft({ definitionId: id, etag: draft?.etag ?? "", reason: "a test" });
  await stepOf(page, "after").focus();
  await page.keyboard.press("Control+d");
  await page.getByText(/^Not saved: the draft was published or discarded/).waitFor();
  await page.getByRole("button", { name: "Save again" }).click();
  await until(async () => {
    const found = (await sources.getDraft({ definitionId: id })).draft;
    return found?.sourceText.includes("after-2") || undefined;
  });
  expect(faults.filter((fault) => !fault.includes("409"))).toEqual([]);
});

test("a text of 2 MiB that is pasted is not sent, says why, and can be taken back", async () => {
  const text = TWO_STEPS.replace("NAME", "pasted");
  const id = await draftOf("pasted", text);
  const { page, faults } = await service.open("user_ann", `/workflows/${id}?tab=draft`);
  await stepOf(page, "after").waitFor();
  const sent: string[] = [];
  page.on("request", (request) => sent.push(request.url()));
  const editor = page.getByRole("textbox", { name: "The workflow file" });
  await editor.focus();
  await editor.press("Control+End");
  await editor.evaluate((element) => {
    const pasted = new DataTransfer();
    pasted.setData("text/plain", "# a line of a comment\n".repeat((2 << 20) / 22));
    const event = { clipboardData: pasted, bubbles: true, cancelable: true };
    element.dispatchEvent(new ClipboardEvent("paste", event));
  });
  await page.getByText(/Not saved: The text has \d+ KiB, and a draft has 512 at most/).waitFor();
  await page
    .getByText("This is the picture of before")
    .or(page.getByText("picture of before"))
    .first()
    .waitFor();
  expect(sent.filter((url) => url.includes("SaveDraft"))).toEqual([]);
  await stepOf(page, "after").focus();
  await page.keyboard.press("Control+z");
  await page.getByText(/^Saved/).waitFor();
  expect(
    (await service.as("user_ann").sources.getDraft({ definitionId: id })).draft?.sourceText,
  ).toBe(text);
  expect(faults).toEqual([]);
});

test("1,000 steps are drawn and dragged, and nothing is checked while a step moves", async () => {
  const steps = Array.from({ length: 1_000 }, (_, at) => `  s${at}: { task: Do it }`);
  const id = await draftOf("large", `workflow: large\ntimeout: 7d\nsteps:\n${steps.join("\n")}\n`);
  const { page, faults } = await service.open("user_ann", `/workflows/${id}?tab=draft`);
  await stepOf(page, "s0").waitFor({ timeout: 30_000 });
  const checks = () => canvasOf(page).getAttribute("data-checks");
  const before = await checks();
  const from = await middleOf(stepOf(page, "s0"));
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 120, from.y + 60, { steps: 40 });
  expect(await checks()).toBe(before);
  await page.mouse.up();
  await until(async () => {
    const { draft } = await service.as("user_ann").sources.getDraft({ definitionId: id });
    return Object.keys(draft?.layout?.steps ?? {}).length === 1_000 || undefined;
  });
  expect(await checks()).toBe(before);
  expect(faults).toEqual([]);
}, 120_000);
