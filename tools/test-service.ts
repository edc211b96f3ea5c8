/**
 * The service compiled to one file, once for all tests that start it as a process: compiling in each of these processes
 * takes four times the CPU of the start itself.
 * Boundary: for tests only; `npm start` compiles as it loads. Packages stay outside of the file.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { projectRoot } from "./run-command.ts";

/** The compiled service, there until `remove`. */
export interface CompiledService {
  /** What Node runs, absolute. */
  readonly path: string;
  remove(): Promise<void>;
}

/** Compiles `src/main.ts` into a folder of this run of the tests. */
export async function compileService(): Promise<CompiledService> {
  // Two folders below the project, as deep as src/store: the service finds migrations/ from there.
  const folder = await mkdtemp(join(projectRoot, "node_modules", ".service-"));
  const path = join(folder, "main.mjs");
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
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
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
