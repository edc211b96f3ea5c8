/**
 * A real browser for the console's tests, and pages that keep what goes wrong in them.
 * Boundary: how Chromium is started is tools/parts/chromium.ts. Where there is none the tests fail and say so.
 */
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { onTestFinished } from "vitest";

export { startBrowser } from "../../../tools/parts/chromium.ts";

/** A page, and what it must not have. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the page's console, uncaught errors, and violations of its security policy. */
  readonly faults: string[];
  /** What axe finds wrong, a line each. */
  accessibilityFaults(): Promise<string[]>;
}

/** How a page is opened. */
export interface PageOptions {
  readonly scheme?: "light" | "dark";
  readonly width?: number;
}

const HEIGHT = 800;
/** Of one wait for something on a page. */
const PATIENCE_MS = 10_000;

/** Opens a page with a storage of its own until the test ends; a picture of it is in .tmp/browser/ when the test fails. */
export async function openPage(
  browser: Browser,
  { scheme = "light", width = 1_280 }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height: HEIGHT },
  });
  const page = await context.newPage();
  onTestFinished(async ({ task: { id, result } }) => {
    if (result?.state === "fail") await page.screenshot({ path: `.tmp/browser/${id}.png` });
    await context.close();
  });
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    faults.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  return {
    page,
    faults,
    async accessibilityFaults() {
      // What fades in has less contrast than it will have, also what comes while the page is looked at.
      await page.emulateMedia({ reducedMotion: "reduce" });
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run());
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`),
      );
    },
  };
}

declare global {
  interface Window {
    axe: typeof axe;
  }
}
