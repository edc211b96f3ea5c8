/**
 * Compiles the console into dist/console/ when its sources are not those of what is there; its packages are installed first
 * when they are missing.
 *
 * Boundary: plain JavaScript on Node alone, run by what starts the service. It prints to standard error only. With
 * `--optional` a failure is told and no failure, whatever it is: the service runs without its console, or with the one that is there. With
 * `--packages` its packages are installed, and no more. `CONSOLE=off`: nothing is done, but with `--packed`: a package has the console,
 * whatever a service that runs here is to serve.
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
const vite = join(folder, "node_modules", "vite", "bin", "vite.js");
/** The hash of the sources that the console was compiled from. */
const STAMP = ".sources.sha256";
const SOURCES = [
  ...["console/src", "console/public", "console/index.html", "console/vite.config.ts"],
  ...["console/package-lock.json", "package-lock.json", "gen"],
  ...["src/client", "src/engine", "src/file", "src/wire"],
  "tools/build-console.mjs",
];
const ZIPPED = /\.(js|css|svg|json)$/;
const MOST_EFFORT = 9;
/** Where the registry is away, npm by itself tries for more than a minute: at each start of the service. */
const IMPATIENT = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000"];
const isOptional = process.argv.includes("--optional");
const isPacked = process.argv.includes("--packed");

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

/** Runs a command in the folder of the console. Throws when it fails. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: folder,
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (status === 0) return;
  throw new Error(`${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

function install() {
  const isThere =
    existsSync(vite) &&
    writtenAtMs(join(folder, "node_modules", ".package-lock.json")) >=
      writtenAtMs(join(folder, "package-lock.json"));
  if (isThere) return;
  process.stderr.write("Installing the packages of the console (npm ci) ...\n");
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith("js") ? [process.execPath, [npm]] : ["npm", []];
  // The compiler is one of the development packages, which NODE_ENV=production leaves out.
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  run(command, [...first, "ci", "--include=dev", ...quiet, ...(isOptional ? IMPATIENT : [])]);
}

/** What a browser gets when it takes gzip, beside each file. */
function zip(path) {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !ZIPPED.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: MOST_EFFORT }));
  }
}

function build() {
  const stamp = join(built, STAMP);
  // An image may have what was compiled, without its sources.
  if (!existsSync(folder) && existsSync(stamp)) return;
  const hash = createHash("sha256");
  for (const name of SOURCES) hashIn(hash, join(root, name));
  const sources = hash.digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return;
  install();
  process.stderr.write("Compiling the console ...\n");
  const written = `${built}.${process.pid}`;
  try {
    run(process.execPath, [vite, "build", "--logLevel", "warn", "--outDir", written]);
    zip(written);
    writeFileSync(join(written, STAMP), sources);
    // A service that starts meanwhile finds the old one, the new one, or none.
    rmSync(built, { recursive: true, force: true });
    renameSync(written, built);
  } catch (error) {
    // Another start may have put its own there at the same moment.
    if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== sources) throw error;
  } finally {
    rmSync(written, { recursive: true, force: true });
  }
}

try {
  if (process.argv.includes("--packages")) install();
  else if (isPacked || process.env.CONSOLE !== "off") build();
} catch (error) {
  process.stderr.write(`The console was not built: ${error.message}\n`);
  process.exitCode = isOptional ? 0 : 1;
}
