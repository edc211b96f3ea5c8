/**
 * Compiles the console into dist/console/ when its sources are not those of what is there; its packages are installed first
 * when they are missing.
 *
 * Boundary: plain JavaScript on Node alone, run by what starts the service. It prints to standard error only. With
 * `--optional` a failure is told and no failure: the service runs without its console. With `--packages` its packages are
 * installed, and no more. `CONSOLE=off`: nothing is done.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, "console");
const built = join(root, "dist", "console");
/** The hash of the sources that the console was compiled from. */
const STAMP = ".sources.sha256";
const SOURCES = [
  ...["console/src", "console/public", "console/index.html", "console/vite.config.ts"],
  ...["console/package-lock.json", "package-lock.json", "src/client", "gen"],
  "tools/build-console.mjs",
];
const ZIPPED = /\.(js|css|svg|json)$/;
const MOST_EFFORT = 9;

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

function writtenAtMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Runs a command in the folder of the console; ends this process when it fails. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: folder,
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (status === 0) return;
  const isOptional = process.argv.includes("--optional");
  const why = error ? `: ${error.message}` : "";
  process.stderr.write(`The console was not built (${args.join(" ")} failed${why}).\n`);
  process.exit(isOptional ? 0 : 1);
}

function install() {
  const isThere =
    writtenAtMs(join(folder, "node_modules", ".package-lock.json")) >=
    writtenAtMs(join(folder, "package-lock.json"));
  if (isThere) return;
  process.stderr.write("Installing the packages of the console (npm ci) ...\n");
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith("js") ? [process.execPath, [npm]] : ["npm", []];
  run(command, [...first, "ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/** What a browser gets when it takes gzip, beside each file. */
function zip(path) {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !ZIPPED.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: MOST_EFFORT }));
  }
}

if (process.argv.includes("--packages")) install();
else if (process.env.CONSOLE !== "off") {
  const hash = createHash("sha256");
  for (const name of SOURCES) hashIn(hash, join(root, name));
  const sources = hash.digest("hex");
  const stamp = join(built, STAMP);
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== sources) {
    install();
    process.stderr.write("Compiling the console ...\n");
    const written = `${built}.${process.pid}`;
    const vite = join(folder, "node_modules", "vite", "bin", "vite.js");
    run(process.execPath, [vite, "build", "--logLevel", "warn", "--outDir", written]);
    zip(written);
    writeFileSync(join(written, STAMP), sources);
    // A service that starts meanwhile finds the old one, the new one, or none.
    rmSync(built, { recursive: true, force: true });
    renameSync(written, built);
  }
}
