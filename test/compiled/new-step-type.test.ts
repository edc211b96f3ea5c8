/**
 * A new step type is a folder, a line in each registry and a case in wire/: a type NOOP is planted in a copy of the
 * source, the compiler names the places, and with them filled a run of it ends.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../tools/run-command.ts";

const COMPILER_MS = 120_000;
const STEPS = "src/engine/steps";

const FACTS = `
import { PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { EVERY_TYPES_KEYS } from "../keys.ts";
import { OF_EVERY_STEP } from "../outcomes.ts";
export const noopFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: { ...EVERY_TYPES_KEYS, note: "text" },
  outcomes: OF_EVERY_STEP,
  usualWords: [],
  passesInput: "always",
  isInstant: true,
  checkNeeds(step, path, addFault) {
    if (step.config.note === undefined) addFault(path + ".config.note", "a NOOP needs a note");
  },
};
`;
const BEHAVIOUR = `
import { succeed } from "../../flow/ending.ts";
import type { StepBehaviour } from "../contract.ts";
import { completeTransparently, failAttempt, PLAIN_BEHAVIOUR } from "../plain.ts";
export const noop: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin: ({ draft, index }) => succeed(draft, index, { output: { done: true }, extendsInput: true }),
  completedByHand: completeTransparently,
  failedByHand: failAttempt,
  retriesTimeout: false,
};
`;
const RUN = `
import { checkVersion } from "./src/engine/graph/check.ts";
import { EngineRun, edge, step, version } from "./test/support/engine/engine-run.ts";
import { versionOf } from "./test/support/builders/version-spec.ts";
const noop = (id, config = { note: "n" }) => step({ id, stepType: "NOOP", config });
const spec = version([noop("a"), noop("b")], [edge("a>b")]);
const run = EngineRun.start(spec, { n: 1 });
const faults = checkVersion(versionOf([noop("a", {})]));
console.log(JSON.stringify({ state: run.run.state, steps: run.states, output: run.view().output, faults }));
`;

let copy = "";
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "new-step-type-"));
  for (const part of ["src", "gen", "package.json"]) {
    await cp(join(projectRoot, part), join(copy, part), { recursive: true });
  }
  await cp(join(projectRoot, "test", "support"), join(copy, "test", "support"), {
    recursive: true,
  });
  await symlink(join(projectRoot, "node_modules"), join(copy, "node_modules"));
  const { compilerOptions } = JSON.parse(
    await readFile(join(projectRoot, "tsconfig.json"), "utf8"),
  );
  // The second compilation checks what the first one has not.
  const options = { ...compilerOptions, incremental: true, tsBuildInfoFile: "compiled.json" };
  const config = { compilerOptions: options, include: ["src"] };
  await writeFile(join(copy, "tsconfig.json"), JSON.stringify(config));
});
afterAll(() => rm(copy, { recursive: true, force: true }));

/** Puts a line before the first one that begins with a text. */
async function insert(path: string, before: string, line: string): Promise<void> {
  const text = await readFile(join(copy, path), "utf8");
  if (!text.includes(before)) throw new Error(`${path} has no ${before}`);
  await writeFile(join(copy, path), text.replace(before, `${line}\n${before}`));
}

/** Runs a program of node_modules in the copy: what it printed, whether it ended well or not. */
function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: copy }, (_, stdout, stderr) =>
      resolve(`${stdout}${stderr}`),
    );
  });
}

/** The files in which the compiler finds errors. */
async function filesWithErrors(): Promise<string[]> {
  const printed = await run(["node_modules/typescript/bin/tsc", "-p", "."]);
  const files = printed.split("\n").flatMap((line) => /^(src\S+)\(/.exec(line)?.[1] ?? []);
  return [...new Set(files)].sort();
}

test("a new step type compiles and runs after a folder, its registries and one case in wire/", {
  timeout: 3 * COMPILER_MS,
}, async () => {
  await insert(`${STEPS}/types.ts`, '  "HUMAN_TASK",\n', '  "NOOP",');
  expect(await filesWithErrors()).toEqual([
    `${STEPS}/behaviours.ts`,
    `${STEPS}/registry.ts`,
    "src/wire/definitions.ts",
  ]);

  await mkdir(join(copy, STEPS, "noop"));
  await writeFile(join(copy, STEPS, "noop/facts.ts"), FACTS);
  await writeFile(join(copy, STEPS, "noop/behaviour.ts"), BEHAVIOUR);
  await insert(
    `${STEPS}/registry.ts`,
    "import type",
    'import { noopFacts } from "./noop/facts.ts";',
  );
  await insert(`${STEPS}/registry.ts`, "  HUMAN_TASK: humanTaskFacts", "  NOOP: noopFacts,");
  await insert(
    `${STEPS}/behaviours.ts`,
    "import type",
    'import { noop } from "./noop/behaviour.ts";',
  );
  await insert(`${STEPS}/behaviours.ts`, "  HUMAN_TASK: humanTask", "  NOOP: noop,");
  const wire = join(copy, "src/wire/definitions.ts");
  const text = await readFile(wire, "utf8");
  const numbers = "Readonly<Record<StepType, StepTypeNumber>> = ";
  await writeFile(
    wire,
    text.replace(
      `${numbers}StepTypeNumber;`,
      `${numbers}{ ...StepTypeNumber, NOOP: 9 as StepTypeNumber };`,
    ),
  );
  expect(await filesWithErrors()).toEqual([]);

  await writeFile(join(copy, "run.ts"), RUN);
  expect(JSON.parse(await run(["--import", "tsx", "run.ts"]))).toEqual({
    state: "COMPLETED",
    steps: "a:COMPLETED b:COMPLETED",
    output: { n: 1, done: true },
    faults: [{ field: "steps[0].config.note", description: "a NOOP needs a note" }],
  });
});
