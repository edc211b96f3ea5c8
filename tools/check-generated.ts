/**
 * Checks whether gen/ is what the contract under proto/ generates now, and whether the contract and the
 * description of REST in gen/openapi.json keep the rules of their kinds.
 *
 * Boundary: works offline and writes into a temporary folder only.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { problemsOf, projectRoot, runCommand } from "./run-command.ts";

/** Paths of all files under a folder, relative to it, with their content. */
async function readTree(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return new Map(files.map((file, i) => [relative(folder, file), contents[i] ?? ""]));
}

/** The files in which two trees differ, each as one problem. */
function differences(
  committed: ReadonlyMap<string, string>,
  fresh: ReadonlyMap<string, string>,
): string[] {
  const paths = new Set([...committed.keys(), ...fresh.keys()]);
  return [...paths]
    .sort()
    .filter((path) => committed.get(path) !== fresh.get(path))
    .map((path) => `gen/${path} is not what proto/ generates: npm run generate`);
}

/** Generates anew and compares with gen/. Gives a problem per file that differs. */
export async function checkGenerated(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "workflows-gen-"));
  try {
    const failed = await problemsOf("buf", ["generate", "--output", folder]);
    if (failed.length > 0) return failed;
    return differences(
      await readTree(join(projectRoot, "gen")),
      await readTree(join(folder, "gen")),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The faults that buf's linter and formatter find in proto/. */
export async function checkContract(): Promise<string[]> {
  const found = await Promise.all([
    problemsOf("buf", ["lint"]),
    problemsOf("buf", ["format", "--diff", "--exit-code"]),
  ]);
  return found.flat();
}

/** The faults that a linter of OpenAPI finds in the description of REST. Its warnings count: they are one of the rules each. */
export async function checkOpenApi(): Promise<string[]> {
  // No licence is given yet (info-license).
  const rules = ["--extends=recommended", "--skip-rule=info-license", "--format=json"];
  const { code, output } = await runCommand("redocly", ["lint", "gen/openapi.json", ...rules], {
    REDOCLY_TELEMETRY: "off",
    REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
  });
  return code === 0 && NO_WARNING.test(output) ? [] : [output];
}

const NO_WARNING = /"warnings": ?0\b/;
