/**
 * The service compiled to one file, once for all tests that start it as a process: compiling in each of these processes
 * takes three times the CPU of the start itself.
 * Boundary: for tests only; `npm start` compiles as it loads. Packages stay outside of the file.
 */
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { startGuard } from "./parts/guard.ts";
import { projectRoot } from "./run-command.ts";

/** The compiled service, there until `remove`, or until this process ends. */
export interface CompiledService {
  /** What Node runs, absolute. */
  readonly path: string;
  remove(): Promise<void>;
}

/** The service finds these from its file: packages in a folder above, migrations two folders above. */
const BESIDE = ["node_modules", "migrations"];

/** Compiles `src/main.ts` into a temporary folder. */
export async function compileService(): Promise<CompiledService> {
  const guard = await startGuard("workflows-compiled-");
  const path = join(guard.folder, "src", "compiled", "main.mjs");
  try {
    for (const name of BESIDE) await symlink(join(projectRoot, name), join(guard.folder, name));
    await build({
      entryPoints: [join(projectRoot, "src", "main.ts")],
      outfile: path,
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      target: "node20",
      logLevel: "error",
    });
    return { path, remove: guard.release };
  } catch (error) {
    await guard.release();
    throw error;
  }
}
