/** Layouts of the console's graph: what dagre makes of a version, and what is drawn when that takes too long. */
import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { modelOf } from "../../../console/src/parts/graph/graph-model.ts";
import {
  BESIDE_GAP,
  type Layout,
  type LayoutTask,
  layOut,
  layOutRoughly,
  NODE_HEIGHT,
  NODE_WIDTH,
  pathOf,
} from "../../../console/src/parts/graph/layout.ts";
import {
  EdgeSchema,
  StepDefinitionSchema,
  StepType,
} from "../../../gen/workflows/v1/workflows_pb.ts";

const STEPS = 1_000;
const WIDE = 5;

function taskOf(pairs: readonly (readonly [string, string])[], undone: readonly string[] = []) {
  const ids = [...new Set(pairs.flat())];
  return {
    nodes: ids.map((id) => ({ id, hasUndo: undone.includes(id) })),
    links: pairs.map(([from, to]) => ({ id: `${from} ${to}`, from, to })),
    above: [],
  };
}

/** Steps in rows of five, each with a link to the one below, and some to the one beside that. */
function grid(): LayoutTask {
  const pairs: [string, string][] = [];
  for (let at = 0; at + WIDE < STEPS; at += 1) {
    pairs.push([`s${at}`, `s${at + WIDE}`]);
    if (at % 3 === 0 && (at % WIDE) + 1 < WIDE) pairs.push([`s${at}`, `s${at + WIDE + 1}`]);
  }
  return taskOf(pairs);
}

/** Pairs of steps that share a place. */
function overlapping({ nodes, links }: LayoutTask, layout: Layout): string[] {
  const boxes = nodes
    .map(({ id, hasUndo }) => {
      const { x = 0, y = 0 } = layout.nodes[id] ?? {};
      return { id, x, y, right: x + (hasUndo ? 2 * NODE_WIDTH + BESIDE_GAP : NODE_WIDTH) };
    })
    .sort((one, other) => one.y - other.y || one.x - other.x);
  expect(links.length).toBeGreaterThan(0);
  return boxes.flatMap((box, at) => {
    const next = boxes[at + 1];
    if (next === undefined) return [];
    const isBeside = next.y < box.y + NODE_HEIGHT && next.x < box.right;
    return isBeside ? [`${box.id} ${next.id}`] : [];
  });
}

it("lays 1,000 steps out without two of them in one place, each below those before it", () => {
  const task = grid();
  const layout = layOut(task);
  expect(Object.keys(layout.nodes)).toHaveLength(STEPS);
  expect(overlapping(task, layout)).toEqual([]);
  for (const { id, from, to } of task.links) {
    expect(layout.nodes[to]?.y).toBeGreaterThanOrEqual((layout.nodes[from]?.y ?? 0) + NODE_HEIGHT);
    expect(layout.links[id]?.length).toBeGreaterThanOrEqual(2);
  }
});

it("gives the same layout for the same version", () => {
  const task = taskOf([
    ["a", "b"],
    ["a", "c"],
    ["b", "d"],
    ["c", "d"],
  ]);
  expect(layOut(task)).toEqual(layOut(structuredClone(task)));
});

it("leads a link that passes a row beside the steps of the row", () => {
  const task = taskOf([
    ["a", "b"],
    ["b", "c"],
    ["a", "c"],
  ]);
  const { nodes, links } = layOut(task);
  const route = links["a c"] ?? [];
  const { x = 0, y = 0 } = nodes.b ?? {};
  const passing = route.filter((point) => point.y >= y && point.y <= y + NODE_HEIGHT);
  expect(passing).toHaveLength(2);
  for (const point of passing) {
    expect(point.x < x || point.x > x + NODE_WIDTH).toBe(true);
  }
  expect(pathOf(route)).toMatch(/^M[\d.,-]+( C[\d.,-]+ [\d.,-]+ [\d.,-]+){3}$/);
});

it("keeps a place beside a step for the one that undoes it", () => {
  const task = taskOf(
    [
      ["root", "a"],
      ["root", "b"],
    ],
    ["a", "b"],
  );
  expect(overlapping(task, layOut(task))).toEqual([]);
  expect(overlapping(task, layOutRoughly(task))).toEqual([]);
});

it("lays a graph out roughly, with hundreds of steps side by side", () => {
  const pairs = Array.from({ length: STEPS - 1 }, (_, at): [string, string] => [
    `s${Math.floor(at / 40)}`,
    `s${at + 1}`,
  ]);
  const task = taskOf(pairs);
  const layout = layOutRoughly(task);
  expect(Object.keys(layout.nodes)).toHaveLength(STEPS);
  expect(overlapping(task, layout)).toEqual([]);
  for (const { from, to } of task.links) {
    expect(layout.nodes[to]?.y).toBeGreaterThan(layout.nodes[from]?.y ?? 0);
  }
});

it("takes edges between two steps as one link, steps that undo as no node of their own, and what follows a PARALLEL as below", () => {
  const steps = [
    { id: "all", stepType: StepType.PARALLEL },
    { id: "one", stepType: StepType.HUMAN_TASK, compensationStepId: "undo" },
    { id: "two", stepType: StepType.HUMAN_TASK },
    { id: "then", stepType: StepType.APPROVAL_GATE },
    { id: "end", stepType: StepType.HUMAN_TASK },
    { id: "undo", stepType: StepType.HUMAN_TASK },
  ].map((step) => create(StepDefinitionSchema, step));
  const edges = [
    ["all", "one", ""],
    ["all", "two", ""],
    ["all", "then", "joined"],
    ["then", "end", "denied"],
    ["then", "end", "expired"],
    ["then", "gone", ""],
  ].map(([fromStepId = "", toStepId = "", label = ""]) =>
    create(EdgeSchema, { fromStepId, toStepId, label }),
  );
  const { nodes, links, above } = modelOf(steps, edges);
  expect(nodes.map(({ id, undo }) => [id, undo?.id])).toEqual([
    ["all", undefined],
    ["one", "undo"],
    ["two", undefined],
    ["then", undefined],
    ["end", undefined],
  ]);
  expect(links.map(({ id, label }) => [id, label])).toEqual([
    ["all one", ""],
    ["all two", ""],
    ["all then", "joined"],
    ["then end", "denied · expired"],
  ]);
  expect(above).toEqual([
    { from: "one", to: "then" },
    { from: "two", to: "then" },
  ]);
});
