/** The picture as nodes and edges of React Flow; those that did not change are the same objects as before. Boundary: pure but for what it keeps. */
import { type Edge, type Node, type NodeHandle, Position } from "@xyflow/react";
import type { LinkState } from "../../graph/edge-states.ts";
import { type Layout, NODE_HEIGHT, NODE_WIDTH, type Point } from "../../graph/layout.ts";
import type { Mark, NodeFacts } from "../../graph/node-facts.ts";
import type { Places } from "../draft/places.ts";
import { undoneBy } from "./arrangement.ts";
import { type Chosen, idsOf } from "./chosen.ts";
import { type Port, portsOf } from "./kinds.ts";
import type { Picture, PictureStep } from "./text/picture.ts";
import { keyOfWire, type Wire } from "./wires.ts";

/** A step on the canvas. */
export type DesignNode = Node<
  {
    readonly step: PictureStep;
    readonly ports: readonly Port[];
    readonly faults: readonly string[];
    readonly warnings: readonly string[];
    readonly facts: NodeFacts | undefined;
    readonly mark: Mark | undefined;
    readonly isUndo: boolean;
    readonly isChosen: boolean;
  },
  "step"
>;

/** A path on the canvas. */
export type DesignEdge = Edge<
  {
    readonly wire: Wire | undefined;
    readonly condition: string;
    readonly state: LinkState | "undo";
    readonly mark: Mark | undefined;
    readonly isChosen: boolean;
    /** Between its ends, so that it does not cross steps. */
    readonly through: readonly Point[];
  },
  "wire"
>;

/** What is shown of a simulation or of a comparison. */
export interface Lights {
  readonly facts?: ReadonlyMap<string, NodeFacts> | undefined;
  /** By keyOfWire. */
  readonly linkStates?: ReadonlyMap<string, LinkState> | undefined;
  readonly marks?: ReadonlyMap<string, Mark> | undefined;
  /** By `from to`. */
  readonly linkMarks?: ReadonlyMap<string, Mark> | undefined;
}

export interface FlowInput {
  readonly picture: Picture;
  readonly notes: Picture["notes"];
  readonly places: Places;
  readonly routes: Layout["links"] | undefined;
  readonly chosen: Chosen;
  readonly lights: Lights;
}

/** Of a port. */
export function handleOf(label: string): string {
  return `out ${label}`;
}

/** The label of a port's handle; undefined: it is none. */
export function labelOf(handle: string | null | undefined): string | undefined {
  return handle?.startsWith("out ") ? handle.slice("out ".length) : undefined;
}

/** Gives the same lists for the same input. */
export function createFlow() {
  const nodes = new Map<string, { key: string; node: DesignNode; facts: NodeFacts | undefined }>();
  const edges = new Map<string, { key: string; edge: DesignEdge }>();

  function keptNode(node: DesignNode): DesignNode {
    const { facts, ...data } = node.data;
    const key = JSON.stringify([node.position, node.selected, data]);
    const before = nodes.get(node.id);
    if (before?.key === key && before.facts === facts) return before.node;
    nodes.set(node.id, { key, node, facts });
    return node;
  }

  function keptEdge(edge: DesignEdge): DesignEdge {
    const key = JSON.stringify(edge);
    const before = edges.get(edge.id);
    if (before?.key === key) return before.edge;
    edges.set(edge.id, { key, edge });
    return edge;
  }

  let last: { input: FlowInput; parts: { nodes: DesignNode[]; edges: DesignEdge[] } } | undefined;
  return (input: FlowInput) => {
    if (last === undefined || !isSame(last.input, input)) {
      const parts = { nodes: nodesOf(input).map(keptNode), edges: edgesOf(input).map(keptEdge) };
      last = { input, parts };
    }
    return last.parts;
  };
}

function isSame(one: FlowInput, other: FlowInput): boolean {
  return (Object.keys(one) as (keyof FlowInput)[]).every((key) => one[key] === other[key]);
}

function nodesOf({ picture, notes, places, routes, chosen, lights }: FlowInput): DesignNode[] {
  const { facts, marks } = lights;
  const ids = new Set(idsOf(chosen));
  const labels = new Map<string, string[]>();
  for (const { from, label } of picture.edges)
    labels.set(from, [...(labels.get(from) ?? []), label]);
  const targets = targetsOf(picture, places, routes);
  const undone = undoneBy(picture);
  const [faults, warnings] = [new Map<string, string[]>(), new Map<string, string[]>()];
  for (const { stepId, isWarning, message } of notes) {
    const all = isWarning ? warnings : faults;
    all.set(stepId, [...(all.get(stepId) ?? []), message]);
  }
  return picture.steps.flatMap((step): DesignNode[] => {
    const { id } = step;
    const position = places[id];
    if (position === undefined) return [];
    const isUndo = undone.has(id);
    const ports = isUndo ? [] : inOrder(portsOf(step, labels.get(id) ?? []), targets.get(id));
    return [
      {
        ...{ id, type: "step", position, width: NODE_WIDTH, height: NODE_HEIGHT },
        // Without it the button that shows all would wait for sizes that nobody sets.
        measured: { width: NODE_WIDTH, height: NODE_HEIGHT },
        handles: handlesOf(ports),
        // Those that are chosen with others are dragged with them.
        selected: ids.size > 1 && ids.has(id),
        data: {
          ...{ step, isUndo, ports },
          faults: faults.get(id) ?? [],
          warnings: warnings.get(id) ?? [],
          facts: facts?.get(id),
          mark: marks?.get(id),
          isChosen: ids.has(id),
        },
      },
    ];
  });
}

/** How far to the right the paths of each step lead at first, by their labels: in the middle, where several have one label. */
function targetsOf({ edges }: Picture, places: Places, routes: FlowInput["routes"]) {
  const all = new Map<string, Map<string, number[]>>();
  for (const { from, to, label } of edges) {
    // A route passes beside steps that stand between; places are of their left corners.
    const between = routes?.[`${from} ${to}`]?.slice(1, -1)[0]?.x;
    const x = between === undefined ? places[to]?.x : between - NODE_WIDTH / 2;
    if (x === undefined) continue;
    const own = all.get(from) ?? new Map<string, number[]>();
    all.set(from, own.set(label, [...(own.get(label) ?? []), x]));
  }
  const middle = (xs: readonly number[]) => xs.reduce((sum, x) => sum + x, 0) / xs.length;
  return new Map(
    [...all].map(([from, labels]) => [
      from,
      new Map([...labels].map(([label, xs]) => [label, middle(xs)])),
    ]),
  );
}

/** Ports whose paths lead to the right stand on the right, so that lines cross less. */
function inOrder(ports: readonly Port[], xOf: ReadonlyMap<string, number> | undefined): Port[] {
  const joined = ports
    .filter(({ label }) => xOf?.has(label))
    .sort((a, b) => (xOf?.get(a.label) ?? 0) - (xOf?.get(b.label) ?? 0));
  return ports.map((port) => (xOf?.has(port.label) ? (joined.shift() ?? port) : port));
}

/** For nodes that were not drawn yet: edges lead to them. */
function handlesOf(ports: readonly Port[]): NodeHandle[] {
  const size = { width: 1, height: 1 };
  const [middle, half] = [NODE_WIDTH / 2, NODE_HEIGHT / 2];
  return [
    { id: "in", type: "target", position: Position.Top, x: middle, y: 0, ...size },
    { id: "undone", type: "target", position: Position.Left, x: 0, y: half, ...size },
    { id: "undo", type: "source", position: Position.Right, x: NODE_WIDTH, y: half, ...size },
    ...ports.map(
      ({ label }, at): NodeHandle => ({
        ...{ id: handleOf(label), type: "source", position: Position.Bottom, y: NODE_HEIGHT },
        ...{ x: ((at + 0.5) / ports.length) * NODE_WIDTH, ...size },
      }),
    ),
  ];
}

function edgesOf({ picture, routes, chosen, lights }: FlowInput): DesignEdge[] {
  const { linkStates, linkMarks } = lights;
  const chosenWire = chosen?.kind === "wire" ? keyOfWire(chosen.wire) : undefined;
  const wires = picture.edges.map(({ from, to, label, condition }): DesignEdge => {
    const wire = { from, to, label };
    const id = keyOfWire(wire);
    const link = `${from} ${to}`;
    return {
      ...{ id, source: from, target: to, type: "wire" },
      ...{ sourceHandle: handleOf(label), targetHandle: "in" },
      data: {
        ...{ wire, condition },
        state: linkStates?.get(id) ?? "open",
        mark: linkMarks?.get(link),
        isChosen: chosenWire === id,
        through: routes?.[link]?.slice(1, -1) ?? [],
      },
    };
  });
  const undos = picture.steps
    .filter(({ undoId }) => undoId !== "")
    .map(
      ({ id, undoId }): DesignEdge => ({
        ...{ id: `undo ${id}`, source: id, target: undoId, type: "wire" },
        ...{ sourceHandle: "undo", targetHandle: "undone", reconnectable: false },
        data: {
          wire: undefined,
          condition: "",
          state: "undo",
          mark: undefined,
          isChosen: false,
          through: [],
        },
      }),
    );
  return [...wires, ...undos];
}
