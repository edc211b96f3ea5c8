/**
 * The service compiled to one file, once for all tests that start it as a process: compiling in each of these processes
 * takes three times the CPU of the start itself.
 * Boundary: for tests only; `npm start` has tools/build.mjs. Packages stay outside of the file.
 */
import { existsSync } from "node:fs";
import { readFile, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { startGuard } from "./parts/guard.ts";
import { projectRoot } from "./run-command.ts";

/** The compiled service, there until `remove`, or until this process ends. */
export interface CompiledService {
  /** What Node runs, absolute. */
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * A change of the source that only the compiled file has: a shorter lease, or a fault that a test must notice. So the
 * source itself needs no switch.
 */
export interface SourceEdit {
  /** The file, relative to `src/`. */
  readonly file: string;
  /** A text that stands in it exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** What is compiled. */
export interface CompileOptions {
  /** Where it begins, relative to the project; `src/main.ts` unless given. */
  readonly entry?: string;
  readonly edits?: readonly SourceEdit[];
  /** A copy of the project as it was at another commit; this one unless given. The packages are those of this one. */
  readonly root?: string;
}

/** Compiles the service into a temporary folder. Rejects when an edit does not fit the source. */
export async function compileService({
  entry = "src/main.ts",
  edits = [],
  root = projectRoot,
}: CompileOptions = {}): Promise<CompiledService> {
  const guard = await startGuard("workflows-compiled-");
  const path = join(guard.folder, "src", "compiled", "main.mjs");
  const edited = await editSources(edits);
  try {
    // The service finds these from its file: packages in a folder above, migrations, templates and the console two folders above.
    await symlink(join(projectRoot, "node_modules"), join(guard.folder, "node_modules"));
    await symlink(join(root, "migrations"), join(guard.folder, "migrations"));
    // The console is compiled by itself, or not there.
    await symlink(join(root, "dist"), join(guard.folder, "dist"));
    // Older commits have no templates.
    const templates = join(root, "templates");
    if (existsSync(templates)) await symlink(templates, join(guard.folder, "templates"));
    // Older commits have no thread of their own for source texts.
    const worker = join(root, "src", "ingress", "rpc", "source-worker.ts");
    const files: [entry: string, outfile: string][] = [[join(root, entry), path]];
    if (existsSync(worker)) files.push([worker, join(dirname(path), "source-worker.mjs")]);
    for (const [from, outfile] of files) {
      await build({
        entryPoints: [from],
        outfile,
        bundle: true,
        packages: "external",
        platform: "node",
        format: "esm",
        target: "node20",
        logLevel: "error",
        nodePaths: [join(projectRoot, "node_modules")],
        plugins: [loadEdited(edited)],
      });
    }
    return { path, remove: guard.release };
  } catch (error) {
    await guard.release();
    throw error;
  }
}

/** The edited files, by their absolute paths. Rejects when a text is not there, or more than once. */
export async function editSources(
  edits: readonly SourceEdit[],
): Promise<ReadonlyMap<string, string>> {
  const edited = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const path = join(projectRoot, "src", file);
    const text = edited.get(path) ?? (await readFile(path, "utf8"));
    const found = text.split(find).length - 1;
    if (found !== 1) throw new Error(`src/${file} has ${found} times: ${find}`);
    edited.set(
      path,
      text.replace(find, () => replace),
    );
  }
  return edited;
}

function loadEdited(edited: ReadonlyMap<string, string>): Plugin {
  return {
    name: "edited sources",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = edited.get(path);
        return contents === undefined ? undefined : { contents, loader: "ts" };
      });
    },
  };
}
