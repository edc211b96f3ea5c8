/** The packages of the peers: installed in `bench/` when peers are asked for, never with those of the project. */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../tools/run-command.ts";

const FOLDER = join(projectRoot, "bench");

/** Installs what the lock file pins, unless it is there. No package runs a script of its own. */
export function installPeers(): void {
  // npm writes this file last, so an installation that was cut off is repeated.
  if (writtenAtMs("node_modules/.package-lock.json") >= writtenAtMs("package-lock.json")) return;
  console.error("Installing the peers' packages (npm ci in bench/) ...");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", args, { cwd: FOLDER, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("npm ci failed in bench/");
}

function writtenAtMs(path: string): number {
  return statSync(join(FOLDER, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
