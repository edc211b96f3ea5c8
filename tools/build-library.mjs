/**
 * Compiles what other projects import from this package: `workflows/client`, `workflows/entities`, `workflows/worker` and `workflows/testing`, with their types.
 *
 * Boundary: plain JavaScript, run by `npm pack` and by what imports the package by its name. It prints to standard error only.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, "dist", "library");

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: ["client/index", "entities/index", "worker/index", "worker/testing"].map((name) =>
    join(root, "src", `${name}.ts`),
  ),
  outbase: join(root, "src"),
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  // What two of them have is there once: an error of one is an error of the other.
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "error",
  packages: "external",
  // It prints what is wrong by itself.
}).catch(() => process.exit(1));

const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.library.json"], {
  cwd: root,
  stdio: ["ignore", process.stderr, process.stderr],
});
process.exit(status ?? 1);
