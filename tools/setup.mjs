/**
 * Installs the packages of the lockfile when they are missing or older than it, so that every npm
 * script works on a fresh clone.
 *
 * Boundary: plain JavaScript on Node alone, for nothing else is there yet. It prints to standard
 * error only, so that a script's own output stays its own.
 */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LOWEST_NODE = 20;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Milliseconds since the epoch at which a file of the project was written; 0 when there is none. */
function writtenAtMs(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Ends the process with a message. */
function giveUp(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

if (Number.parseInt(process.versions.node, 10) < LOWEST_NODE) {
  giveUp(`Node ${LOWEST_NODE} or newer is required; this is ${process.versions.node}.`);
}

// npm writes this file last, so an installation that was cut off is repeated.
if (writtenAtMs("node_modules/.package-lock.json") < writtenAtMs("package-lock.json")) {
  process.stderr.write("Installing packages (npm ci) ...\n");
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith("js") ? [process.execPath, [npm]] : ["npm", []];
  const { status, error } = spawnSync(
    command,
    [...first, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: root, stdio: ["ignore", process.stderr, process.stderr] },
  );
  if (status !== 0) {
    giveUp(`npm ci failed${error ? `: ${error.message}` : ""}.`);
  }
}
