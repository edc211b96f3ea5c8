#!/usr/bin/env node
/**
 * `npx workflows`: the compiled command line. In a clone it is compiled first where it is missing or older than its sources.
 *
 * Boundary: plain JavaScript that loads next to nothing: `--help` answers within 150 ms.
 */
import { existsSync, readdirSync, statSync } from "node:fs";

const root = new URL("../", import.meta.url);
const compiled = new URL("dist/cli/main.mjs", root);
/** Its time is when a build last read the sources. */
const stamp = new URL("dist/service/sources.sha256", root);

/** Whether a file, a folder or something in it was written after a time. A folder counts: a file may be gone from it. */
function isNewer(url, timeMs) {
  const found = statSync(url);
  if (found.mtimeMs > timeMs) return true;
  if (!found.isDirectory()) return false;
  return readdirSync(url, { withFileTypes: true }).some((entry) =>
    isNewer(
      new URL(`${encodeURIComponent(entry.name)}${entry.isDirectory() ? "/" : ""}`, url),
      timeMs,
    ),
  );
}

function isStale() {
  if (!existsSync(compiled)) return true;
  // A package holds the compiled files alone.
  if (!existsSync(new URL("src", root))) return false;
  const builtMs = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return ["src/", "gen/", "tools/build.mjs", "package-lock.json"].some((name) =>
    isNewer(new URL(name, root), builtMs),
  );
}

if (isStale()) {
  await import("./setup.mjs");
  await import("./build.mjs");
}
await import(compiled.href);
