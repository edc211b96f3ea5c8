/** What differs between two versions, and the graph that has both. */
import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { modelOf } from "../../../console/src/parts/graph/graph-model.ts";
import { layOut, layOutRoughly } from "../../../console/src/parts/graph/layout.ts";
import { diffVersions } from "../../../console/src/parts/workflows/version-diff.ts";
import { StepType, WorkflowVersionSchema } from "../../../gen/workflows/v1/workflows_pb.ts";

const step = (id: string, more: object = {}) => ({ id, stepType: StepType.HUMAN_TASK, ...more });
const edge = (fromStepId: string, toStepId: string, more: object = {}) => ({
  ...{ fromStepId, toStepId },
  ...more,
});

const BEFORE = create(WorkflowVersionSchema, {
  version: 1,
  author: "ann",
  steps: [
    step("a", { config: { title: "A", due: { hours: 1, days: 2 } } }),
    step("b"),
    step("gone"),
  ],
  edges: [edge("a", "b"), edge("b", "gone")],
  trigger: { eventType: "order.created" },
});

it("is empty for versions that do the same, whoever published them and however their JSON is ordered", () => {
  const after = create(WorkflowVersionSchema, {
    version: 2,
    author: "bob",
    edges: [edge("a", "b"), edge("b", "gone")],
    trigger: { eventType: "order.created" },
    steps: [
      step("a", { config: { due: { days: 2, hours: 1 }, title: "A" } }),
      step("b"),
      step("gone"),
    ],
  });
  expect(diffVersions(BEFORE, after).changes).toEqual([]);
});

it("names what was added, removed and changed, by field", () => {
  const after = create(WorkflowVersionSchema, {
    version: 2,
    steps: [
      step("a", { config: { title: "A" }, timeoutSeconds: 5 }),
      BEFORE.steps[1] ?? {},
      step("new"),
    ],
    edges: [edge("a", "b", { label: "approved" }), edge("b", "new")],
    timeoutSeconds: 60,
  });
  const { changes, steps, edges, stepMarks, linkMarks } = diffVersions(BEFORE, after);
  expect(changes).toEqual([
    { mark: "removed", of: "version", name: "trigger", fields: [] },
    { mark: "added", of: "version", name: "timeoutSeconds", fields: [] },
    { mark: "changed", of: "step", name: "a", fields: ["config", "timeoutSeconds"] },
    { mark: "added", of: "step", name: "new", fields: [] },
    { mark: "removed", of: "step", name: "gone", fields: [] },
    { mark: "changed", of: "line", name: "a → b", fields: ["label"] },
    { mark: "added", of: "line", name: "b → new", fields: [] },
    { mark: "removed", of: "line", name: "b → gone", fields: [] },
  ]);
  expect(steps.map(({ id }) => id)).toEqual(["a", "b", "new", "gone"]);
  expect(edges.map(({ toStepId }) => toStepId)).toEqual(["b", "new", "gone"]);
  expect(stepMarks.get("b")).toBeUndefined();
  expect([...linkMarks.keys()]).toEqual(["a b", "b new", "b gone"]);
});

it("lays out two versions that make a circle together", () => {
  const after = create(WorkflowVersionSchema, {
    version: 2,
    steps: BEFORE.steps,
    edges: [edge("gone", "b"), edge("b", "a")],
  });
  const { steps, edges } = diffVersions(BEFORE, after);
  const { links, above } = modelOf([...steps], [...edges]);
  const nodes = steps.map(({ id }) => ({ id, hasUndo: false }));
  const task = { nodes, links: links.map(({ id, from, to }) => ({ id, from, to })), above };
  for (const layout of [layOut(task), layOutRoughly(task)]) {
    expect(Object.keys(layout.nodes).sort()).toEqual(["a", "b", "gone"]);
    expect(Object.keys(layout.links)).toHaveLength(4);
  }
});
