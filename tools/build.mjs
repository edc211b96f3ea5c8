/**
 * Compiles the service into one file, packages included, when its sources are newer than that file: loading hundreds of
 * modules through a loader takes most of the time of a start.
 *
 * Boundary: plain JavaScript, run before the service by `npm start`. It prints to standard error only. The file stands two
 * folders below the project, as deep as the sources that find files by their own place.
 */
import { readdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outfile = join(root, "dist", "service", "main.mjs");
const SOURCES = ["src", "gen", "tools/build.mjs", "package-lock.json"];

/** The latest time (ms) at which something in a file or folder was written. */
function writtenAtMs(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const names = readdirSync(path);
  return Math.max(stats.mtimeMs, ...names.map((name) => writtenAtMs(join(path, name))));
}

const builtAtMs = statSync(outfile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sourcesAtMs = Math.max(...SOURCES.map((name) => writtenAtMs(join(root, name))));

if (builtAtMs <= sourcesAtMs) {
  const written = `${outfile}.${process.pid}`;
  await build({
    entryPoints: [join(root, "src", "main.ts")],
    outfile: written,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
    // Packages in CommonJS call `require`; pg asks for its native client only where one wants it.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    external: ["pg-native"],
  });
  // At once: another start may read it.
  renameSync(written, outfile);
}
