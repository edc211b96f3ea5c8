/**
 * `npm test`: starts the servers that the selected tests need, runs them, and stops the servers.
 *
 * `npm test -- unit tidy` runs these kinds only; a path or vitest's own options may follow. The
 * tests find the servers in TEST_DATABASE_URL and TEST_NATS_URL, and the compiled service in TEST_SERVICE.
 *
 * Invariant: the last line of the output is `N passed, N failed`. A test that did not run (left
 * out, or behind a failed hook), a file that did not load and an error outside of tests all count
 * as failed, unless a name was asked for with -t.
 */
import { spawnSync } from "node:child_process";
import { parseCLI, startVitest, type Vitest } from "vitest/node";
import { startParts } from "./parts/parts.ts";
import { projectRoot } from "./run-command.ts";
import { findTestFolder } from "./test-folder.ts";
import { type TestProject, testProjects } from "./test-projects.ts";
import { compileService } from "./test-service.ts";

interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** Separates the arguments that select kinds of tests from the others; kinds and paths may stand side by side. */
function selectProjects(args: readonly string[]): {
  projects: readonly TestProject[];
  rest: string[];
} {
  const named = testProjects.filter(({ name }) => args.includes(name));
  const rest = args.filter((arg) => !named.some(({ name }) => name === arg));
  const byPath = testProjects.filter(({ name }) =>
    rest.some((arg) => `${arg}/`.includes(`test/${name}/`)),
  );
  const projects = testProjects.filter((each) => named.includes(each) || byPath.includes(each));
  if (projects.length === 0) {
    return { projects: testProjects.filter(({ onlyNamed }) => onlyNamed !== true), rest };
  }
  // Where a path narrows the files, a kind has to be a path too.
  const folders = byPath.length > 0 ? named.map(({ name }) => `test/${name}/`) : [];
  return { projects, rest: [...rest, ...folders] };
}

function countResults(vitest: Vitest, namesFiltered: boolean): Count {
  const modules = vitest.state.getTestModules();
  const states = modules.flatMap((module) =>
    [...module.children.allTests()].map((test) => test.result().state),
  );
  const passed = states.filter((state) => state === "passed").length;
  const failed = states.filter((state) => state === "failed").length;
  const notRun = namesFiltered ? 0 : states.length - passed - failed;
  const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
  const strayErrors = vitest.state.getUnhandledErrors().length;
  return { passed, failed: failed + notRun + brokenFiles + strayErrors };
}

async function runTests(projects: readonly TestProject[], rest: string[]): Promise<Count> {
  const { filter, options } = parseCLI(["vitest", "run", ...rest]);
  const vitest = await startVitest("test", filter, {
    ...options,
    watch: false,
    project: projects.map(({ name }) => name),
  });
  try {
    return countResults(vitest, options.testNamePattern !== undefined);
  } finally {
    await vitest.close();
  }
}

/** The console is for the tests in a browser alone: the service of the others has none, so that none of them compiles it. */
function prepareConsole(projects: readonly TestProject[]): void {
  if (projects.some(({ name }) => name === "browser")) {
    const built = spawnSync(process.execPath, ["tools/build-console.mjs"], {
      cwd: projectRoot,
      stdio: "inherit",
    });
    if (built.status !== 0) throw new Error("the console could not be compiled");
  } else process.env.CONSOLE ??= "off";
}

async function runWithParts(projects: readonly TestProject[], rest: string[]): Promise<Count> {
  if (!projects.some(({ needsParts }) => needsParts)) return runTests(projects, rest);
  process.env.PARTS_FOLDER = await findTestFolder();
  const service = await compileService();
  try {
    const parts = await startParts({ fastDisk: true, log: (line) => console.error(line) });
    process.env.TEST_DATABASE_URL = parts.databaseUrl;
    process.env.TEST_NATS_URL = parts.natsUrl;
    process.env.TEST_SERVICE = service.path;
    try {
      return await runTests(projects, rest);
    } finally {
      await parts.stop();
    }
  } finally {
    await service.remove();
  }
}

const { projects, rest } = selectProjects(process.argv.slice(2));
prepareConsole(projects);
const { passed, failed } = await runWithParts(projects, rest);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);
