/**
 * Compiles the service into one file, packages included, when its sources are not those of that file: loading hundreds of
 * modules through a loader takes most of the time of a start.
 *
 * Boundary: plain JavaScript, run before the service by `npm start`. It prints to standard error only. The file stands two
 * folders below the project, as deep as the sources that find files by their own place.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outfile = join(root, "dist", "service", "main.mjs");
/** The thread that reads source texts; the service finds it beside itself. */
const workerFile = join(root, "dist", "service", "source-worker.mjs");
/** The hash of the sources that the file was compiled from. */
const stamp = join(root, "dist", "service", "sources.sha256");
const SOURCES = ["src", "gen", "tools/build.mjs", "package-lock.json"];

/** What loads the other files of the command line. */
const MAIN = "main.mjs";

/** Adds the contents of a file, or of the files of a folder, to the hash. */
function hashIn(hash, path) {
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path).sort()) hashIn(hash, join(path, name));
  } else
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
}

/** Compiles one entry of the service into one file. */
async function buildEntry(entry, file) {
  const written = `${file}.${process.pid}`;
  await build({
    entryPoints: [join(root, entry)],
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
    // It prints what is wrong by itself.
  }).catch(() => process.exit(1));
  // At once: another start may read it.
  renameSync(written, file);
}

const startedAt = new Date();
const hash = createHash("sha256");
for (const name of SOURCES) hashIn(hash, join(root, name));
const sources = hash.digest("hex");
const cli = join(root, "dist", "cli");
const isBuilt =
  existsSync(outfile) &&
  existsSync(workerFile) &&
  existsSync(join(cli, MAIN)) &&
  existsSync(stamp) &&
  readFileSync(stamp, "utf8") === sources;

if (!isBuilt) {
  await buildEntry("src/ingress/rpc/source-worker.ts", workerFile);
  await buildEntry("src/main.ts", outfile);
  // The command line: what a command does not need is not loaded.
  const writtenCli = `${cli}.${process.pid}`;
  await build({
    entryPoints: [join(root, "src", "cli", "main.ts")],
    outdir: writtenCli,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  }).catch(() => process.exit(1));
  // File by file, as other commands may be loading theirs: the names of chunks are hashes of what they hold.
  const names = readdirSync(writtenCli).sort((a, b) => (a === MAIN) - (b === MAIN));
  mkdirSync(cli, { recursive: true });
  for (const name of names) renameSync(join(writtenCli, name), join(cli, name));
  for (const name of readdirSync(cli))
    if (!names.includes(name)) rmSync(join(cli, name), { force: true });
  rmSync(writtenCli, { recursive: true });
  writeFileSync(stamp, sources);
}
// When the sources were read: tools/workflows.mjs compares their times with it.
utimesSync(stamp, startedAt, startedAt);
