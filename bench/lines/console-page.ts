/** Pages of the console that note when a step is drawn and which tasks held them. Boundary: Chromium; what is done on them is of the lines. */
import type { Browser, BrowserContext, Page } from "playwright-core";

export const SIZE = { width: 1_280, height: 800 };
export const PATIENCE_MS = 60_000;
/** Measured so often, for the median. */
export const LOADS = 3;

/** Notes in the page when a step is drawn first, and each task that held the page for 50 ms or more. */
const WATCH = `
  window.drawnAtMs = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no step is drawn")), ${PATIENCE_MS});
    new MutationObserver((_, observer) => {
      if (document.querySelector("[data-step]") === null) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    }).observe(document, { childList: true, subtree: true });
  });
  window.drawnAtMs.catch(() => {});
  window.tasksMs = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.tasksMs.push(duration);
  }).observe({ type: "longtask" });
`;

/** A profile of the browser of its own. `script` runs before those of its pages. */
export async function openContext(browser: Browser, script = ""): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: SIZE });
  await context.addInitScript({ content: WATCH + script });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** Opens a page; gives the time in ms from the navigation until a step is drawn. */
export async function drawn(page: Page, address: string): Promise<number> {
  await page.goto(address);
  return page.evaluate<number>("window.drawnAtMs");
}

/** In ms; 0 where none took 50. */
export function longestTask(page: Page): Promise<number> {
  return page.evaluate<number>("Math.max(0, ...window.tasksMs)");
}
