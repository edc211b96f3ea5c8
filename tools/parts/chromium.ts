/**
 * The Chromium of the system, driven by playwright-core: for the tests of the console, its benchmark and its pictures.
 * Boundary: nothing is downloaded.
 */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PLACES = [process.env.CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/google-chrome"];
const QUIET = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Starts Chromium. Rejects with how to get it where there is none. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = PLACES.find((place) => place !== "" && existsSync(place));
  if (executablePath === undefined) {
    throw new Error("this needs Chromium: apt-get install chromium, or set CHROMIUM");
  }
  return chromium.launch({ executablePath, args: QUIET });
}
