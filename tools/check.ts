/**
 * `npm run check`: everything about the code that can be judged without running it, side by side.
 *
 * Boundary: changes nothing. Prints a line per check, the problems of those that failed, and ends
 * with 1 when there was one.
 */
import { checkContract, checkGenerated, checkOpenApi } from "./check-generated.ts";
import { checkImports } from "./check-imports.ts";
import { checkMigrations } from "./check-migrations.ts";
import { checkReads } from "./check-reads.ts";
import { checkSizes } from "./check-sizes.ts";
import { problemsOf } from "./run-command.ts";

const checks: Readonly<Record<string, () => Promise<string[]>>> = {
  "types (tsc)": () => problemsOf("tsc", ["-p", "."]),
  "types of the tests in a browser (tsc)": () => problemsOf("tsc", ["-p", "tsconfig.browser.json"]),
  "types and unused exports of the console (tsc, knip)": checkConsole,
  "format and lint (biome)": () =>
    problemsOf("biome", ["check", "--error-on-warnings", "--max-diagnostics=50", "."]),
  "import table": checkImports,
  "callers' reads take a Visibility": checkReads,
  "unused exports (knip)": () => problemsOf("knip", ["--no-progress"]),
  "sizes of files and functions": checkSizes,
  "contract (buf)": checkContract,
  "generated code is fresh": checkGenerated,
  "description of REST (redocly)": checkOpenApi,
  "migrations are fresh": checkMigrations,
};

/** Types and unused exports of the console, which has packages of its own. What the unit tests need of them stands among ours, too. */
async function checkConsole(): Promise<string[]> {
  const failed = await problemsOf(process.execPath, ["tools/build-console.mjs", "--packages"]);
  if (failed.length > 0) return failed;
  const found = await Promise.all([
    problemsOf("tsc", ["-p", "console"]),
    problemsOf("knip", ["--no-progress", "--directory", "console"]),
  ]);
  return found.flat();
}

async function runCheck(name: string, check: () => Promise<string[]>): Promise<boolean> {
  const startedAt = performance.now();
  const problems = await check();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"}  ${name} (${seconds} s)`);
  for (const problem of problems) console.log(problem.replace(/^/gm, "        "));
  return problems.length === 0;
}

// Until every check has passed this run has failed, however it ends: also when the event loop runs dry.
process.exitCode = 1;
const passed = await Promise.all(
  Object.entries(checks).map(([name, check]) => runCheck(name, check)),
);
if (passed.every(Boolean)) process.exitCode = 0;
