/** Texts of others in a run and in the inbox: each is shown as a text, with characters that are not drawn by their names. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import {
  COMPLETED,
  FAILED,
  startWholeService,
  type WholeService,
} from "../support/browser/whole-service.ts";

/** A text, and how a page shows it. */
const HOSTILE: readonly [name: string, text: string, shown?: string][] = [
  ["an image with a handler", `<img src=x onerror="document.title='taken'">`],
  ["a script", "<script>document.title='taken'</script>"],
  ["an end of the page's own script", "</script><svg onload=document.title='taken'>"],
  ["an address of a script", "javascript:document.title='taken'"],
  ["a change of direction", "invoice \u202egnp.exe", "gnp.exe"],
  ["escapes of a terminal", "a\u001b[2Jb\u0007c", "[2Jb"],
  ["letters from right to left", "שלום עולם"],
];
/** What is named in place of being drawn. */
const NAMED = [
  ["a change of direction", "U+202E"],
  ["escapes of a terminal", "U+001B"],
] as const;

let service: WholeService;
beforeAll(async () => {
  service = await startWholeService();
});
afterAll(() => service?.stop());

/** No text became an element, and none was run. */
async function requireText(page: Page, faults: readonly string[]): Promise<void> {
  expect(await page.locator("main img, main script, main iframe, main svg[onload]").count()).toBe(
    0,
  );
  expect(await page.title()).not.toBe("taken");
  expect(await page.locator("a[href^='javascript:']").count()).toBe(0);
  expect(faults).toEqual([]);
}

/** A gate and a task whose texts are all this one. */
async function startWith(text: string): Promise<string> {
  const config = { title: text, instructions: `${text}\n${text}` };
  const property = { type: "string", title: text, description: text };
  const schema = { type: "object", properties: { [text]: property } };
  const definitionId = await service.define(`w${Math.random()}`, {
    steps: [
      {
        ...{ id: "ask", name: text, stepType: StepType.APPROVAL_GATE, actionType: text },
        config: { approvers: ["user_manager"] },
      },
      {
        ...{ id: "task", stepType: StepType.HUMAN_TASK },
        config: { ...config, output_schema: schema },
      },
      { id: "fail", name: text, stepType: StepType.HUMAN_TASK, config: { on_error: "hold" } },
    ],
  });
  const inputPayload: JsonObject = { [text]: text, list: [text, { deep: text }] };
  const runId = await service.start(definitionId, { inputPayload, entityId: text });
  await service.move(runId, "fail", FAILED, text);
  const item = `${runId}/task/1`;
  await service.as("user_ann").inbox.comment({ id: item, comment: text });
  return runId;
}

it.each(HOSTILE)(
  "%s is a text on every page of a run and of its items",
  async (_, text, part = text) => {
    const runId = await startWith(text);
    const run = await service.open("user_manager", `/runs/${runId}?step=fail`);
    await run.page.locator("[data-step=fail]").getByText(part).waitFor();
    await run.page.getByRole("complementary").getByText(part).first().waitFor();
    await run.page.locator(".page-head").getByText(part).waitFor();
    await requireText(run.page, run.faults);
    for (const tab of ["Timeline", "History", "Data"]) {
      await run.page.getByRole("tab", { name: tab }).click();
      const panel = run.page.getByRole("tabpanel");
      if (tab === "Data") await panel.getByRole("button", { name: "Input" }).click();
      await panel.getByText(part).first().waitFor();
      await requireText(run.page, run.faults);
    }
    for (const place of ["ask/1", "task/1", "fail/0"]) {
      const item = `/inbox/${encodeURIComponent(`${runId}/${place}`)}`;
      const { page, faults } = await service.open("user_manager", item, { width: 375 });
      await page.getByRole("main").getByText(part).first().waitFor();
      await requireText(page, faults);
      const wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]");
      expect(wide).toEqual([375, 375]);
      await page.context().close();
    }
    await run.page.context().close();
  },
);

it.each(NAMED)("%s is named", async (name, codePoint) => {
  const text = HOSTILE.find(([each]) => each === name)?.[1] ?? "";
  const runId = await startWith(text);
  const { page } = await service.open("user_manager", `/runs/${runId}?tab=data&step=fail`);
  await page.getByRole("complementary").getByText(codePoint).first().waitFor();
  const panel = page.getByRole("tabpanel");
  await panel.getByRole("button", { name: "Input" }).click();
  await panel.getByText(codePoint).first().waitFor();
  expect(await page.content()).not.toContain(text);
});

/** As deep as the service takes. */
function deep(levels: number): JsonObject {
  let value: JsonObject = { end: true };
  for (let level = 1; level < levels; level += 1) value = level % 2 ? { d: [value] } : { d: value };
  return value;
}

it("shows a line of 250 KiB and a tree of 40 levels without growing wider or slower", async () => {
  const definitionId = await service.define("large", {
    steps: [{ id: "task", name: "Task", stepType: StepType.HUMAN_TASK }],
  });
  const inputPayload: JsonObject = { line: "x".repeat(250 * 1_024), tree: deep(40) };
  const runId = await service.start(definitionId, { inputPayload });
  await service.move(runId, "task", COMPLETED);
  const { page, faults } = await service.open("user_ann", `/runs/${runId}?tab=data`);
  await page.getByRole("button", { name: "Input" }).click();
  await page.getByText("All 256000 characters").waitFor();
  await page.getByRole("button", { name: "Open all" }).click();
  await page.getByText("end", { exact: false }).first().waitFor();
  await page.getByLabel("Find in Input").fill("end");
  await page.getByText(".end").first().waitFor();
  await page.getByLabel("Find in Input").fill("");
  await page.getByRole("button", { name: "Text", exact: true }).click();
  await page.locator(".json-text").waitFor();
  const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  expect(wide).toBeLessThanOrEqual(0);
  expect(faults).toEqual([]);
});
