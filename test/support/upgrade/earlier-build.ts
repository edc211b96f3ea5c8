/**
 * The service as it was at an earlier commit, compiled with the packages of this one.
 * Boundary: needs git and the history of the repository; a shallow clone has none.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { startGuard } from "../../../tools/parts/guard.ts";
import { projectRoot } from "../../../tools/run-command.ts";
import { type CompiledService, compileService } from "../../../tools/test-service.ts";

const run = promisify(execFile);
const ARCHIVE_BYTES = 64 * 1024 * 1024;

/** The commit before the present state: the last one where files are changed, else its parent. */
export async function findPreviousCommit(): Promise<string> {
  const changed = await git("status", "--porcelain", "--", "src", "migrations", "gen");
  return git("rev-parse", changed === "" ? "HEAD~1" : "HEAD");
}

/** Compiles the service of a commit. */
export async function compileCommit(commit: string): Promise<CompiledService> {
  const guard = await startGuard("workflows-earlier-");
  const archive = join(guard.folder, "source.tar");
  await git("archive", `--output=${archive}`, commit, "src", "gen", "migrations", "package.json");
  await run("tar", ["-xf", archive, "-C", guard.folder]);
  const service = await compileService({ root: guard.folder });
  return {
    path: service.path,
    async remove() {
      await service.remove();
      await guard.release();
    },
  };
}

async function git(...args: string[]): Promise<string> {
  try {
    const { stdout } = await run("git", args, { cwd: projectRoot, maxBuffer: ARCHIVE_BYTES });
    return stdout.trim();
  } catch (cause) {
    const message = "an earlier commit is needed: run `git fetch --unshallow` in a shallow clone";
    throw new Error(message, { cause });
  }
}
