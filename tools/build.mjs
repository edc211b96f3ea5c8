/**
 * Compiles the service, packages included, when its sources are not those of what is compiled: loading hundreds of modules through a
 * loader takes most of the time of a start. One file is loaded at a start; what is needed later, if ever, stands in files of its own.
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

/** A service that was started from an earlier build loads some of its files when it first needs them. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;
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

const BANNER =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';
const OPTIONS = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "error",
  // It asks for its native client only where one wants it.
  external: ["pg-native"],
};

/** Compiles one entry into one file. */
async function buildFile(entry, file) {
  const written = `${file}.${process.pid}`;
  await build({
    ...OPTIONS,
    entryPoints: [join(root, entry)],
    outfile: written,
    // Packages in CommonJS call `require`.
    banner: { js: BANNER },
    // It prints what is wrong by itself.
  }).catch(() => process.exit(1));
  // At once: another start may read it.
  renameSync(written, file);
}

/** Compiles an entry into main.mjs and files that it loads when they are needed. Those of earlier builds are removed a week later. */
async function buildFolder(entry, folder, first = "") {
  const made = `${folder}.${process.pid}`;
  await build({
    ...OPTIONS,
    entryPoints: [join(root, entry)],
    outdir: made,
    outExtension: { ".js": ".mjs" },
    splitting: true,
    banner: { js: `${first}${BANNER}` },
  }).catch(() => process.exit(1));
  // File by file, as other processes may be loading theirs: the names of chunks are hashes of what they hold.
  const names = readdirSync(made).sort((a, b) => (a === MAIN) - (b === MAIN));
  mkdirSync(folder, { recursive: true });
  for (const name of names) renameSync(join(made, name), join(folder, name));
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const writtenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (!names.includes(name) && writtenMs < Date.now() - KEPT_MS) rmSync(path, { force: true });
  }
  rmSync(made, { recursive: true });
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
  await buildFile("src/ingress/rpc/source-worker.ts", workerFile);
  await buildFolder("src/main.ts", dirname(outfile));
  await buildFolder("src/cli/main.ts", cli, "#!/usr/bin/env node\n");
  writeFileSync(stamp, sources);
}
// When the sources were read: tools/workflows.mjs compares their times with it.
utimesSync(stamp, startedAt, startedAt);
