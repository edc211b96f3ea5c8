/** The short forms: what they compile to, and that they are written again. */
import { readFileSync } from "node:fs";
import { expect, it, test } from "vitest";
import { readWorkflowFile, type WorkflowFile } from "../../../src/file/read-file.ts";
import { writeWorkflowYaml } from "../../../src/file/write-file.ts";

const PAGE = readFileSync(new URL("../../../docs/workflow-files.md", import.meta.url), "utf8");
const EXAMPLES = [...PAGE.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);

function read(text: string): WorkflowFile {
  const { workflow, faults } = readWorkflowFile(new TextEncoder().encode(text));
  if (workflow === undefined) throw new Error(JSON.stringify(faults));
  return workflow;
}

/** Edges as `from -label-> to`. */
function edgesOf(text: string): string[] {
  return read(text).spec.edges.map(
    ({ fromStepId, label, toStepId }) => `${fromStepId} -${label}-> ${toStepId}`,
  );
}

it("makes edges of order, next, on and then", () => {
  expect(edgesOf(EXAMPLES[0] ?? "")).toEqual([
    "check-receipt --> size",
    "size -true-> manager",
    "size -false-> pay",
    "manager -denied-> refuse",
    "manager -expired-> refuse",
    "manager --> pay",
    "pay --> confirm",
  ]);
});

it("lets the step below a parallel follow what joins", () => {
  const file =
    "workflow: a\nsteps:\n  p: { parallel: { x: { task: x }, y: { task: y } } }\n  z: { task: z }\n";
  expect(edgesOf(file)).toEqual(["p --> x", "p --> y", "p -joined-> z"]);
});

it("reads durations, a lone approver and an undo inside of a step", () => {
  const [gate, pay, undo] = read(
    "workflow: a\nsteps:\n  g: { approve: t, action: a, by: u, timeout: 1h30m, escalate: { after: 15m, to: v } }\n  p: { agent: a, undo: { agent: b } }\n",
  ).spec.steps;
  expect(gate?.timeoutSeconds).toBe(5_400);
  expect(gate?.config).toEqual({
    title: "t",
    approvers: ["u"],
    escalate_after_seconds: 900,
    escalate_to: ["v"],
  });
  expect(pay?.compensationStepId).toBe("undo-p");
  expect(undo).toMatchObject({ id: "undo-p", agentId: "b" });
});

test.each(EXAMPLES.filter((text) => !text.includes("\nedges:")))(
  "writes example %# in short forms",
  (text) => {
    const workflow = read(text);
    const written = writeWorkflowYaml(workflow);
    expect(written).not.toMatch(/^(edges|\s+fields):/m);
    expect(read(written)).toEqual(workflow);
  },
);

it("writes a key `<<` in quotes, for it is a name and merges nothing", () => {
  const workflow = read('workflow: a\nsteps:\n  x: { agent: b, config: { "<<": { c: 1 } } }\n');
  expect(read(writeWorkflowYaml(workflow)).spec).toEqual(workflow.spec);
});
