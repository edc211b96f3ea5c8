/**
 * Nodes and edges as React Flow takes them. Those that did not change are the same objects as before, so that it draws the others alone.
 * Boundary: pure but for what it keeps of the last time.
 */
import { type Edge, type Node, type NodeHandle, Position } from "@xyflow/react";
import type { StepDefinition } from "../../../../gen/workflows/v1/workflows_pb.ts";
import type { LinkState } from "./edge-states.ts";
import type { GraphLink, GraphModel } from "./graph-model.ts";
import { BESIDE_GAP, type Layout, NODE_HEIGHT, NODE_WIDTH, type Point } from "./layout.ts";
import type { Mark, NodeFacts } from "./node-facts.ts";

/** Of a node. */
export type StepNode = Node<
  {
    readonly step: StepDefinition;
    readonly facts: NodeFacts | undefined;
    readonly mark: Mark | undefined;
    /** It undoes the step beside it. */
    readonly undoes: string | undefined;
    readonly isChosen: boolean;
    readonly hasRun: boolean;
  },
  "step"
>;

/** Of an edge. */
export type LinkEdge = Edge<
  {
    readonly route: readonly Point[];
    readonly label: string;
    readonly state: LinkState | "undo";
    readonly mark: Mark | undefined;
  },
  "link"
>;

/** What is drawn. */
export interface Drawn {
  readonly model: GraphModel;
  readonly layout: Layout;
  /** Undefined: a version without a run. */
  readonly facts: ReadonlyMap<string, NodeFacts> | undefined;
  readonly linkStates: ReadonlyMap<string, LinkState> | undefined;
  /** Undefined: not beside another version. */
  readonly marks: ReadonlyMap<string, Mark> | undefined;
  readonly linkMarks: ReadonlyMap<string, Mark> | undefined;
  readonly chosen: string | undefined;
}

/** For nodes that were not drawn yet. */
const HANDLES: NodeHandle[] = [
  handle("target", Position.Top, NODE_WIDTH / 2, 0),
  handle("source", Position.Bottom, NODE_WIDTH / 2, NODE_HEIGHT),
];

function handle(type: "source" | "target", position: Position, x: number, y: number): NodeHandle {
  return { type, position, x, y, width: 1, height: 1 };
}

/** Keeps the parts of the last drawing. */
export function createFlowParts() {
  const nodes = new Map<string, StepNode>();
  const edges = new Map<string, LinkEdge>();
  let layout: Layout | undefined;

  function keptNode(node: StepNode): StepNode {
    const before = nodes.get(node.id);
    if (before !== undefined && isSame(before.data, node.data)) return before;
    nodes.set(node.id, node);
    return node;
  }

  function keptEdge(edge: LinkEdge): LinkEdge {
    const before = edges.get(edge.id);
    const isKept =
      before?.data?.state === edge.data?.state && before?.data?.mark === edge.data?.mark;
    if (before !== undefined && isKept) return before;
    edges.set(edge.id, edge);
    return edge;
  }

  return (drawn: Drawn): { nodes: StepNode[]; edges: LinkEdge[] } => {
    if (layout !== drawn.layout) {
      nodes.clear();
      edges.clear();
      layout = drawn.layout;
    }
    const boxes = drawn.model.nodes.flatMap(({ id, step, undo }) => {
      const at = drawn.layout.nodes[id];
      if (at === undefined) return [];
      const own = nodeOf(drawn, step, at, undefined);
      return undo === undefined ? [own] : [own, nodeOf(drawn, undo, beside(at), id)];
    });
    const undos = drawn.model.nodes.flatMap(({ id, undo }) => {
      const at = drawn.layout.nodes[id];
      return undo === undefined || at === undefined ? [] : [undoEdge(id, undo.id, at)];
    });
    const links = drawn.model.links.map((link) => linkEdge(drawn, link));
    return { nodes: boxes.map(keptNode), edges: [...links, ...undos].map(keptEdge) };
  };
}

function nodeOf(
  { facts, marks, chosen }: Drawn,
  step: StepDefinition,
  position: Point,
  undoes: string | undefined,
): StepNode {
  const { id } = step;
  return {
    id,
    type: "step",
    position,
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    // Without it the button that shows all would count only what was in sight before.
    measured: { width: NODE_WIDTH, height: NODE_HEIGHT },
    handles: HANDLES,
    data: {
      step,
      undoes,
      facts: facts?.get(id),
      mark: marks?.get(id),
      isChosen: chosen === id,
      hasRun: facts !== undefined,
    },
  };
}

function linkEdge({ layout, linkStates, linkMarks }: Drawn, link: GraphLink): LinkEdge {
  const { id, from: source, to: target, label } = link;
  const state = linkStates?.get(id) ?? "open";
  return {
    ...{ id, source, target, type: "link" },
    data: { route: layout.links[id] ?? [], label, state, mark: linkMarks?.get(id) },
  };
}

function undoEdge(source: string, target: string, { x, y }: Point): LinkEdge {
  const height = y + NODE_HEIGHT / 2;
  const route = [
    { x: x + NODE_WIDTH, y: height },
    { x: x + NODE_WIDTH + BESIDE_GAP, y: height },
  ];
  const id = `undo ${target}`;
  return {
    ...{ id, source, target, type: "link" },
    data: { route, label: "", state: "undo", mark: undefined },
  };
}

function beside({ x, y }: Point): Point {
  return { x: x + NODE_WIDTH + BESIDE_GAP, y };
}

function isSame(one: object, other: object): boolean {
  const [a, b] = [Object.entries(one), Object.entries(other)];
  return a.every(([, value], at) => Object.is(value, b[at]?.[1]));
}
