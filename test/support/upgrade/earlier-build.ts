/**
 * The service as it was at an earlier commit, compiled with the packages of this one.
 * Boundary: asks git for the source. Where the clone does not hold the commit there is no earlier build.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { startGuard } from "../../../tools/parts/guard.ts";
import { projectRoot } from "../../../tools/run-command.ts";
import { type CompiledService, compileService } from "../../../tools/test-service.ts";

/** All that the service is made of. */
const SOURCES = ["src", "gen", "migrations"];
/** The last commit of the schema of release 0.1.0. */
const RELEASE_0_1_0 = "15292beed4178839fd68b001eabc57655bb85a22";
const run = promisify(execFile);

/** A commit to upgrade from. */
export interface Earlier {
  readonly name: string;
  readonly commit: string;
}

/**
 * Those that this clone holds: the state before the last change of the service, else the newest tag, else this state itself;
 * and 0.1.0.
 */
export async function findEarlier(): Promise<Earlier[]> {
  const changed = await git("status", "--porcelain", "--", ...SOURCES);
  const last = await git("rev-list", "-1", "--first-parent", "HEAD", "--", ...SOURCES);
  const tag = await git("describe", "--tags", "--abbrev=0");
  const found = await Promise.all(
    [
      { name: "the build before", commit: changed === "" ? `${last}^` : "HEAD" },
      { name: "the newest release", commit: tag },
      { name: "this build itself, for the clone holds none before it,", commit: "HEAD" },
    ].map(resolve),
  );
  const release = await resolve({ name: "release 0.1.0", commit: RELEASE_0_1_0 });
  return [...found.flat().slice(0, 1), ...release];
}

/** Compiles the service of a commit. */
export async function compileCommit(commit: string): Promise<CompiledService> {
  const guard = await startGuard("workflows-earlier-");
  const archive = join(guard.folder, "source.tar");
  const paths = [...SOURCES, "package.json"];
  await run("git", ["archive", `--output=${archive}`, commit, ...paths], { cwd: projectRoot });
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

/** With the commit's hash; empty where the clone does not hold it. */
async function resolve({ name, commit }: Earlier): Promise<Earlier[]> {
  if (commit === "") return [];
  const hash = await git("rev-parse", "--verify", "--quiet", `${commit}^{commit}`);
  return hash === "" ? [] : [{ name: `${name} (${hash.slice(0, 7)})`, commit: hash }];
}

/** What git prints; nothing where it fails, as it does without a history. */
async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await run("git", args, { cwd: projectRoot }).catch(() => ({ stdout: "" }));
  return stdout.trim();
}
