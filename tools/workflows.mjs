#!/usr/bin/env node
/**
 * `npx workflows`: the compiled command line, compiled first where a clone has none yet.
 *
 * Boundary: plain JavaScript that loads next to nothing: `--help` answers within 150 ms.
 */
import { existsSync } from "node:fs";

const compiled = new URL("../dist/cli/main.mjs", import.meta.url);
if (!existsSync(compiled)) {
  await import("./setup.mjs");
  await import("./build.mjs");
}
await import(compiled.href);
