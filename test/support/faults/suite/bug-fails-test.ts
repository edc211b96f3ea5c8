/**
 * Runs one test on the source with a seeded bug compiled in, with servers of its own.
 * Boundary: says whether the test failed; it passes on the sound source in `npm test`.
 */
import { join } from "node:path";
import { startVitest, type Vitest } from "vitest/node";
import { startParts } from "../../../../tools/parts/parts.ts";
import { projectRoot } from "../../../../tools/run-command.ts";
import { testProjects } from "../../../../tools/test-projects.ts";
import { compileService, editSources, type SourceEdit } from "../../../../tools/test-service.ts";

/** A test, by its file and its own name. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** Whether the test fails on the edited source. Rejects when it could not be run. */
export async function failsWith(
  edits: readonly SourceEdit[],
  { file, name }: NamedTest,
): Promise<boolean> {
  const service = await compileService({ edits });
  const parts = await startParts({ fastDisk: true });
  process.env.TEST_DATABASE_URL = parts.databaseUrl;
  process.env.TEST_NATS_URL = parts.natsUrl;
  process.env.TEST_SERVICE = service.path;
  try {
    const vitest = await runTest(await editSources(edits), { file, name });
    try {
      const tests = vitest.state
        .getTestModules()
        .flatMap(({ children }) => [...children.allTests()]);
      const state = tests.find((test) => test.name === name)?.result().state;
      if (state !== "passed" && state !== "failed") throw new Error(`${file} has run no "${name}"`);
      return state === "failed";
    } finally {
      await vitest.close();
    }
  } finally {
    await parts.stop();
    await service.remove();
  }
}

/** `edited`: the sources that differ, by their absolute paths. */
function runTest(edited: ReadonlyMap<string, string>, { file, name }: NamedTest): Promise<Vitest> {
  const project = testProjects.find((each) => file.startsWith(`test/${each.name}/`));
  const timeoutMs = project?.timeoutMs ?? 0;
  return startVitest(
    "test",
    [join(projectRoot, file)],
    {
      config: false,
      root: projectRoot,
      watch: false,
      pool: "forks",
      include: [file],
      testNamePattern: name,
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      reporters: [{}],
    },
    {
      plugins: [
        {
          name: "edited sources",
          enforce: "pre",
          load: (id) => edited.get(id.split("?", 1)[0] ?? id),
        },
      ],
    },
  );
}
