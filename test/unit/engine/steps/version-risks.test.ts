import { expect, test } from "vitest";
import { containsOf } from "../../../../src/engine/steps/contains.ts";
import { versionRisks } from "../../../../src/engine/steps/version-risks.ts";
import { readWorkflowFile } from "../../../../src/file/read-file.ts";

/** The version of the steps of a file. */
function version(steps: string, on = "manual") {
  const text = `workflow: w\non: ${on}\nsteps:\n${steps}`;
  const { workflow, faults } = readWorkflowFile(Buffer.from(text));
  if (workflow === undefined) throw new Error(faults.map(({ message }) => message).join());
  return workflow.spec;
}

const GATE =
  "  a: { approve: A, action: pay, by: [ann, bob], required: 2, timeout: 1d, next: w }\n";
const WORK = "  w: { agent: x }\n";

test.each([
  ["nothing", GATE + WORK, GATE + WORK, []],
  ["a step that is added", WORK, GATE + WORK, []],
  ["an approval that is gone", GATE + WORK, WORK, ["APPROVAL_REMOVED a"]],
  [
    "an approval that became a task",
    GATE + WORK,
    `  a: { task: A, timeout: 1d }\n${WORK}`,
    ["APPROVAL_REMOVED a"],
  ],
  [
    "fewer approvers",
    GATE + WORK,
    GATE.replace("required: 2", "required: 1") + WORK,
    ["APPROVAL_CHANGED a"],
  ],
  [
    "a timeout that is gone",
    GATE + WORK,
    GATE.replace("timeout: 1d, ", "") + WORK,
    ["TIMEOUT_REMOVED a"],
  ],
  ["a timeout of an agent", "  w: { agent: x, timeout: 1d }\n", WORK, []],
  ["an undo that is gone", "  w: { agent: x, undo: { agent: y } }\n", WORK, ["UNDO_REMOVED w"]],
])("of %s", (_, before, after, risks) => {
  const found = versionRisks(version(before), version(after));
  expect(found.map(({ code, stepId }) => `${code} ${stepId}`)).toEqual(risks);
  for (const { description } of found) expect(description).toMatch(/^\S.*\.$/);
});

test("of another trigger, but not of the first version", () => {
  const [manual, event] = [version(WORK), version(WORK, "{ event: a.b }")];
  expect(versionRisks(manual, event)).toMatchObject([{ code: "TRIGGER_CHANGED", stepId: "" }]);
  expect(versionRisks({ ...manual, steps: [] }, event)).toEqual([]);
});

test.each([
  ["an agent", WORK, 1],
  ["a worker", "  w: { queue: q }\n", 0],
  ["a skill", "  w: { agent: x, skill: s }\n", 5],
  ["an approval and an agent", GATE + WORK, 9],
  ["a task", "  w: { task: W }\n", 0],
  ["a child run", "  w: { run: other }\n", 0],
])("a version contains %s", (_, steps, flags) => {
  expect(containsOf(version(steps).steps)).toBe(flags);
});
