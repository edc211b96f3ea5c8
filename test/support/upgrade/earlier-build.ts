/**
 * The service as it was before the last change of it, compiled: what runs beside this one while replicas are replaced.
 * Boundary: asks git for the source. A copy of the project without history has none: then it is this build itself.
 */
import { execFile } from "node:child_process";
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startGuard } from "../../../tools/parts/guard.ts";
import { projectRoot } from "../../../tools/run-command.ts";
import { type CompiledService, compileService } from "../../../tools/test-service.ts";

/** A compiled service, and which one it is, for the output. */
export interface EarlierBuild extends CompiledService {
  readonly name: string;
}

/** All that a compiled service is made of. */
const SOURCES = ["src", "gen", "migrations"];
const PACKAGES = ["package.json", "package-lock.json"];
const run = promisify(execFile);

/** Compiles it into a temporary folder. */
export async function compileEarlier(): Promise<EarlierBuild> {
  const commit = await findEarlier();
  if (commit === undefined) {
    const own = await compileService();
    return { ...own, name: "this build itself, for the clone holds no earlier one" };
  }
  const guard = await startGuard("workflows-earlier-");
  try {
    await unpack(commit, guard.folder);
    const compiled = await compileService({ root: guard.folder });
    return {
      path: compiled.path,
      name: await git("log", "-1", "--format=%h %s", commit),
      async remove() {
        await compiled.remove();
        await guard.release();
      },
    };
  } catch (error) {
    await guard.release();
    throw error;
  }
}

/** The commit before the last one that changed the service; else the newest release. */
async function findEarlier(): Promise<string | undefined> {
  if ((await git("status", "--porcelain", "--", ...SOURCES)) !== "") return "HEAD";
  const last = await git("rev-list", "-1", "--first-parent", "HEAD", "--", ...SOURCES);
  const before = await git("rev-parse", "--verify", "--quiet", `${last}^`);
  if (before !== "") return before;
  const release = await git("describe", "--tags", "--abbrev=0");
  return release === "" ? undefined : release;
}

/** What git prints; nothing where it fails, as it does without a history. */
async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await run("git", args, { cwd: projectRoot }).catch(() => ({ stdout: "" }));
  return stdout.trim();
}

async function unpack(commit: string, folder: string): Promise<void> {
  const archive = join(folder, "source.tar");
  const paths = [...SOURCES, ...PACKAGES];
  await run("git", ["archive", "-o", archive, commit, ...paths], { cwd: projectRoot });
  await run("tar", ["-xf", archive, "-C", folder]);
  const [earlier, now] = await Promise.all(
    [folder, projectRoot].map((root) => readFile(join(root, "package-lock.json"), "utf8")),
  );
  if (earlier === now) {
    await symlink(join(projectRoot, "node_modules"), join(folder, "node_modules"));
  } else {
    await run("npm", ["ci", "--omit=dev", "--ignore-scripts"], { cwd: folder });
  }
}
