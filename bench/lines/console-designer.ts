/** The designer in a browser: how long its worker takes to check 1,000 steps, and whether a step that is dragged holds the page. */
import type { Browser, Page } from "playwright-core";
import { createWorkflowsClient } from "../../src/client/client.ts";
import { WORKSPACE } from "../engines/words.ts";
import { median } from "../report/statistics.ts";
import { drawn, LOADS, longestTask, openContext } from "./console-page.ts";
import type { Values } from "./sample.ts";

const MOVES = 60;

/** Notes the time from each question for a picture to its answer; the first one has what is left of the start of the worker in it. */
const WATCH_CHECKS = `
  window.checksMs = [];
  const Started = window.Worker;
  window.Worker = class extends Started {
    constructor(...given) {
      super(...given);
      this.askedAt = new Map();
      this.addEventListener("message", ({ data: { id } }) => {
        const at = this.askedAt.get(id);
        if (at !== undefined) window.checksMs.push(performance.now() - at);
      });
    }
    postMessage(message, ...more) {
      if (message?.question?.do === "draw") this.askedAt.set(message.id, performance.now());
      super.postMessage(message, ...more);
    }
  };
`;

/** Of a draft that nobody has arranged: the first check of each load, and the longest task while its first step is dragged and dropped. */
export async function measureDesigner(
  browser: Browser,
  url: string,
  steps: number,
): Promise<Values> {
  const id = await createDraft(url, steps);
  const address = `${url}/console/workflows/${id}?tab=draft&workspace=${WORKSPACE}`;
  const checkMs: number[] = [];
  const dragMs: number[] = [];
  for (let load = 0; load < LOADS; load += 1) {
    const context = await openContext(browser, WATCH_CHECKS);
    const page = await context.newPage();
    await drawn(page, address);
    checkMs.push(await page.evaluate<number>("window.checksMs[0]"));
    dragMs.push(await drag(page));
    await context.close();
  }
  return { designerCheckMs: median(checkMs), designerDragTaskMs: median(dragMs) };
}

/** Gives the id of its workflow. */
async function createDraft(baseUrl: string, count: number): Promise<string> {
  const { sources } = createWorkflowsClient({ baseUrl, actor: "user_bench" });
  const name = "designed";
  const { workflow } = await sources.create({
    ...{ workspaceId: WORKSPACE, name, sourceText: textOf(name, count) },
  });
  return workflow?.definition?.id ?? "";
}

/** Steps in a row: each second one has a condition of its own, the others read the input. */
function textOf(name: string, count: number): string {
  const steps = Array.from({ length: count }, (_, at) =>
    at % 2 === 0
      ? `  s${at}: { capability: work, with: { amount: "{{ input.amount }}" } }`
      : `  s${at}: { task: Look at part ${at}, when: input.amount > ${at} }`,
  );
  return `workflow: ${name}\ninput: { amount: number }\ntimeout: 7d\nsteps:\n${steps.join("\n")}\n`;
}

/** Gives the longest task in ms. */
async function drag(page: Page): Promise<number> {
  const box = await page.locator("[data-step=s0]").boundingBox();
  if (box === null) throw new Error("the first step is not shown");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.evaluate("window.tasksMs = []");
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 150, y + 90, { steps: MOVES });
  await page.mouse.up();
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))");
  const moved = await page.locator("[data-step=s0]").boundingBox();
  if (moved === null || moved.x <= box.x) throw new Error("the first step did not move");
  return longestTask(page);
}
