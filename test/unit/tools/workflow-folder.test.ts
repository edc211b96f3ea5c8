/** The folder of workflow files that `npm run dev` watches, as real files. */
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  RefusedText,
  requireFolder,
  type WorkflowFolder,
  watchWorkflowFolder,
} from "../../../tools/demo/workflow-folder.ts";
import { until } from "../../support/assertions/until.ts";

const FILE = "a.workflow.yaml";
let folder: string;
let watched: WorkflowFolder;
let said: string[];
let published: string[];
let refusal: Error | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "workflows-folder-"));
  [said, published, refusal] = [[], [], undefined];
  watched = watchWorkflowFolder({
    folder,
    async publish(text) {
      if (refusal !== undefined) throw refusal;
      published.push(text);
      return `version ${published.length}`;
    },
    say: (line) => said.push(line),
  });
});
afterEach(async () => {
  watched.close();
  await rm(folder, { recursive: true });
});

const textOf = (task: string) => `workflow: w\nsteps:\n  a: { task: ${task} }\n`;
const save = (text: string, file = FILE) => writeFile(join(folder, file), text);

test("a saved file is published once, whatever the editor does for it", async () => {
  await save(textOf("One"));
  await save(textOf("One"));
  await until(() => published.length > 0 || undefined);
  await watched.rescan();
  await save(textOf("Two"), "a.tmp");
  await rename(join(folder, "a.tmp"), join(folder, FILE));
  await until(() => published.length > 1 || undefined);
  await watched.rescan();
  expect(published).toEqual([textOf("One"), textOf("Two")]);
  expect(said).toEqual([`${FILE}: version 1`, `${FILE}: version 2`]);
});

test("what is no folder is refused before anything is started for it", async () => {
  await save(textOf("One"));
  await mkdir(join(folder, "flows"));
  expect(requireFolder(folder, "flows")).toBe(join(folder, "flows"));
  expect(requireFolder("/", folder)).toBe(folder);
  for (const none of ["nowhere", FILE]) {
    expect(() => requireFolder(folder, none)).toThrow(`there is no folder ${join(folder, none)}`);
  }
});

test("other files are left alone", async () => {
  await save(textOf("One"), "a.yaml");
  await watched.rescan();
  expect(said).toEqual([]);
});

test("faults have their places, and are said once", async () => {
  await save("workflow: w\nsteps:\n  a: { tsk: A }\n");
  await watched.rescan();
  await watched.rescan();
  expect(said).toEqual([expect.stringMatching(/^a\.workflow\.yaml:3:\d+: steps\.a\S*: .*task/)]);
  expect(published).toEqual([]);
});

test("a file that is gone is said, also one that got another name, and one that cannot be read once", async () => {
  await save(textOf("One"));
  await watched.rescan();
  await rm(join(folder, FILE));
  await watched.rescan();
  const gone = `${FILE}: gone; what it published stays`;
  await until(() => said.includes(gone) || undefined);
  await save(textOf("One"));
  await watched.rescan();
  await rename(join(folder, FILE), join(folder, "c.workflow.yaml"));
  await until(() => published.length > 2 || undefined);
  await mkdir(join(folder, "b.workflow.yaml"));
  await watched.rescan();
  await watched.rescan();
  expect(said).toEqual([
    ...[`${FILE}: version 1`, gone, `${FILE}: version 2`, gone, "c.workflow.yaml: version 3"],
    "b.workflow.yaml: cannot be read: EISDIR",
  ]);
});

test("what the service alone finds wrong with a text is said at its place, once", async () => {
  refusal = new RefusedText([{ path: "steps.a", line: 3, column: 3, message: "is too dear" }]);
  await save(textOf("One"));
  await watched.rescan();
  refusal = undefined;
  await watched.rescan();
  expect(said).toEqual([`${FILE}:3:3: steps.a: is too dear`]);
});

test("what the service refuses is published again", async () => {
  refusal = new Error("the service is away");
  await save(textOf("One"));
  await watched.rescan();
  refusal = undefined;
  await watched.rescan();
  expect(published).toHaveLength(1);
  expect(said).toEqual([`${FILE}: not published: the service is away`, `${FILE}: version 1`]);
});
