/**
 * The canvas of a draft: steps are dragged, joined from their ends, and taken out; what is dropped on it becomes a step.
 * Boundary: gestures and keys. What they change is the text, by `designer`; nothing is checked while something moves.
 */
import {
  Background,
  type Connection,
  Controls,
  type FinalConnectionState,
  MiniMap,
  type NodeChange,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { type DragEvent, type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { LinkState } from "../../graph/edge-states.ts";
import { type Layout, NODE_HEIGHT, NODE_WIDTH, type Point } from "../../graph/layout.ts";
import type { Mark, NodeFacts } from "../../graph/node-facts.ts";
import { DesignBox } from "./design-box.tsx";
import { DesignLine } from "./design-edge.tsx";
import { createFlow, type DesignEdge, type DesignNode, labelOf } from "./flow.ts";
import { droppedKind, isPaletteDrag } from "./palette.tsx";
import { QuickAdd } from "./quick-add.tsx";
import type { NewKind } from "./text/new-steps.ts";
import type { Picture } from "./text/picture.ts";
import type { Designer } from "./use-designer.ts";
import { nearestStep } from "./walk.ts";
import { keyOfWire, type Wire } from "./wires.ts";
import "../../graph/graph.css";

/** What is chosen on the canvas. */
export type Chosen =
  | { readonly kind: "step"; readonly id: string }
  | { readonly kind: "wire"; readonly wire: Wire }
  | undefined;

/** What is shown of a simulation or of a comparison. */
export interface Lights {
  readonly facts?: ReadonlyMap<string, NodeFacts> | undefined;
  /** By keyOfWire. */
  readonly linkStates?: ReadonlyMap<string, LinkState> | undefined;
  readonly marks?: ReadonlyMap<string, Mark> | undefined;
  /** By `from to`. */
  readonly linkMarks?: ReadonlyMap<string, Mark> | undefined;
}

interface Props {
  readonly designer: Designer;
  readonly picture: Picture;
  readonly places: Readonly<Record<string, Point>>;
  /** Of the layout, by `from to`; undefined: steps stand where somebody has put them. */
  readonly routes: Layout["links"] | undefined;
  readonly chosen: Chosen;
  readonly lights: Lights;
  readonly isReadOnly: boolean;
  readonly onChoose: (chosen: Chosen) => void;
  /** Enter on the chosen step. */
  readonly onOpen: () => void;
}

const NODE_TYPES = { step: DesignBox };
const EDGE_TYPES = { wire: DesignLine };
const FIT = { maxZoom: 1, minZoom: 0.4, padding: 0.12 };
/** From so many steps on those that are seen alone are drawn. */
const MANY = 120;
const MAP_FROM_STEPS = 40;
const GRID = 12;
const MARGIN = 32;

export function Canvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Inside {...props} />
    </ReactFlowProvider>
  );
}

function Inside(props: Props) {
  const { designer, picture, places, routes, chosen, lights, isReadOnly, onChoose } = props;
  const { notes, edit, arrange } = designer;
  const flow = useReactFlow<DesignNode, DesignEdge>();
  const host = useRef<HTMLElement>(null);
  const [flowOf] = useState(createFlow);
  const [moved, setMoved] = useState<ReadonlyMap<string, Point>>();
  const [asked, setAsked] = useState<{ from: string; label: string; at: Point; shown: Point }>();
  const chosenStep = chosen?.kind === "step" ? chosen.id : undefined;
  const chosenWire = chosen?.kind === "wire" ? keyOfWire(chosen.wire) : undefined;
  const { facts, linkStates, marks, linkMarks } = lights;
  const parts = useMemo(
    () =>
      flowOf({
        ...{
          picture,
          notes,
          places,
          routes,
          chosenStep,
          chosenWire,
          facts,
          linkStates,
          marks,
          linkMarks,
        },
      }),
    [
      flowOf,
      picture,
      notes,
      places,
      routes,
      chosenStep,
      chosenWire,
      facts,
      linkStates,
      marks,
      linkMarks,
    ],
  );
  const nodes = useMemo(
    () =>
      moved === undefined
        ? parts.nodes
        : parts.nodes.map((node) => {
            const position = moved.get(node.id);
            return position === undefined ? node : { ...node, position };
          }),
    [parts.nodes, moved],
  );
  useFirstView(places, host);
  useSeen(chosenStep, places, host);

  const move = (changes: NodeChange<DesignNode>[]) => {
    const next = new Map(moved);
    for (const change of changes) {
      if (change.type === "position" && change.position) next.set(change.id, change.position);
    }
    if (next.size > 0) setMoved(next);
  };
  const put = (id: string, { x, y }: Point, isHeld = false) => {
    arrange({ ...places, [id]: { x: onGrid(x), y: onGrid(y) } }, isHeld);
    setMoved(undefined);
  };
  const add = async (
    kind: NewKind,
    at: Point,
    more: { from?: string; label?: string; on?: Wire },
  ) => {
    const corner = { x: onGrid(at.x - NODE_WIDTH / 2), y: onGrid(at.y - NODE_HEIGHT / 2) };
    const id = await edit({ do: "add", kind, ...more }, (made) => ({ ...places, [made]: corner }));
    if (id !== undefined) onChoose({ kind: "step", id });
  };
  const drop = (event: DragEvent) => {
    const kind = droppedKind(event);
    if (kind === undefined) return;
    event.preventDefault();
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const { from, wire } = under(event.clientX, event.clientY, parts.edges);
    void add(kind, from === undefined ? at : { x: at.x, y: at.y + NODE_HEIGHT + 64 }, {
      ...(wire === undefined ? {} : { on: wire }),
      ...(from === undefined || wire !== undefined ? {} : { from }),
    });
  };
  const connect = ({ source, target, sourceHandle }: Connection) => {
    const label = labelOf(sourceHandle);
    if (label === undefined) return;
    void edit({ do: "connect", wire: { from: source, to: target, label } });
  };
  const endConnection = (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    const label = labelOf(state.fromHandle?.id);
    if (state.isValid || state.toNode !== null || state.fromNode === null || label === undefined)
      return;
    const point = "changedTouches" in event ? event.changedTouches[0] : event;
    const box = host.current?.getBoundingClientRect();
    if (point === undefined || box === undefined) return;
    setAsked({
      ...{ from: state.fromNode.id, label },
      at: flow.screenToFlowPosition({ x: point.clientX, y: point.clientY }),
      shown: { x: point.clientX - box.left, y: point.clientY - box.top },
    });
  };
  return (
    <section
      className="graph design-canvas"
      ref={host}
      // Keys are for what was clicked, which takes no focus where it is a path or an empty place.
      tabIndex={-1}
      aria-label="Canvas of the steps"
      data-checks={designer.checks}
      onKeyDown={(event) => !isReadOnly && onKey(event, props, put)}
      onDragOver={(event) => {
        if (!isPaletteDrag(event) || isReadOnly) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
      }}
      onDrop={drop}
    >
      <ReactFlow<DesignNode, DesignEdge>
        nodes={nodes}
        edges={parts.edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={move}
        onNodeDragStop={(_, node) => put(node.id, node.position)}
        onNodeClick={(_, { id }) => onChoose({ kind: "step", id })}
        onEdgeClick={(_, { data }) => data?.wire && onChoose({ kind: "wire", wire: data.wire })}
        onPaneClick={() => {
          setAsked(undefined);
          onChoose(undefined);
        }}
        onConnect={connect}
        onConnectEnd={endConnection}
        isValidConnection={({ source, target }) => source !== target}
        nodesDraggable={!isReadOnly}
        nodesConnectable={!isReadOnly}
        onlyRenderVisibleElements={picture.steps.length > MANY}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnDoubleClick={false}
        deleteKeyCode={null}
        connectionRadius={36}
        nodeDragThreshold={4}
        snapToGrid
        snapGrid={[GRID, GRID]}
        minZoom={0.05}
        maxZoom={1.5}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={24} size={1.5} />
        <Controls showInteractive={false} fitViewOptions={FIT} />
        {picture.steps.length >= MAP_FROM_STEPS && <MiniMap pannable zoomable ariaLabel={null} />}
      </ReactFlow>
      {asked !== undefined && (
        <QuickAdd
          at={asked.shown}
          after={asked.from}
          onClose={() => setAsked(undefined)}
          onAdd={(kind) => {
            setAsked(undefined);
            const { from, label, at } = asked;
            void add(kind, { x: at.x, y: at.y + NODE_HEIGHT / 2 }, { from, label });
          }}
        />
      )}
    </section>
  );
}

/** What lies under the pointer: a step, or a path. */
function under(x: number, y: number, edges: readonly DesignEdge[]) {
  for (const element of document.elementsFromPoint(x, y)) {
    const { wire, step } = (element as HTMLElement).dataset;
    if (step !== undefined) return { from: step };
    if (wire !== undefined) return { wire: edges.find(({ id }) => id === wire)?.data?.wire };
  }
  return {};
}

function onGrid(px: number): number {
  return Math.round(px / GRID) * GRID;
}

/** All of it where it can be read so, else its beginning. It does not follow what is changed. */
function useFirstView(
  places: Props["places"],
  host: { readonly current: HTMLElement | null },
): void {
  const flow = useReactFlow();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is seen at first.
  useEffect(() => {
    const room = host.current;
    if (room === null) return;
    const all = Object.values(places);
    const [left, top] = [
      Math.min(0, ...all.map(({ x }) => x)),
      Math.min(0, ...all.map(({ y }) => y)),
    ];
    const width = Math.max(0, ...all.map(({ x }) => x)) + NODE_WIDTH - left;
    const height = Math.max(0, ...all.map(({ y }) => y)) + NODE_HEIGHT - top;
    const [wide, high] = [room.clientWidth - 2 * MARGIN, room.clientHeight - 2 * MARGIN];
    const zoom = Math.min(
      FIT.maxZoom,
      Math.max(FIT.minZoom, Math.min(wide / width, high / height)),
    );
    const below = Math.max(MARGIN, (room.clientHeight - height * zoom) / 2);
    const beside = (room.clientWidth - width * zoom) / 2;
    void flow.setViewport({ x: beside - left * zoom, y: below - top * zoom, zoom });
  }, []);
}

/** Brings a step into view when it is chosen. */
function useSeen(
  id: string | undefined,
  places: Props["places"],
  host: { readonly current: HTMLElement | null },
): void {
  const flow = useReactFlow();
  const seen = useRef<string>(undefined);
  const at = id === undefined ? undefined : places[id];
  useEffect(() => {
    if (id === undefined || at === undefined) {
      if (id === undefined) seen.current = undefined;
      return;
    }
    if (seen.current === id || host.current === null) return;
    seen.current = id;
    const { x, y, zoom } = flow.getViewport();
    const [left, top] = [at.x * zoom + x, at.y * zoom + y];
    const { clientWidth, clientHeight } = host.current;
    const isIn =
      left >= 0 &&
      top >= 0 &&
      left + NODE_WIDTH * zoom <= clientWidth &&
      top + NODE_HEIGHT * zoom <= clientHeight;
    if (!isIn) void flow.setCenter(at.x + NODE_WIDTH / 2, at.y + NODE_HEIGHT / 2, { zoom });
  }, [id, at, flow, host]);
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
};

function onKey(
  event: KeyboardEvent<HTMLElement>,
  { designer, picture, places, chosen, onChoose, onOpen }: Props,
  put: (id: string, at: Point, isHeld: boolean) => void,
): void {
  const { key, altKey, target } = event;
  const isCommand = event.ctrlKey || event.metaKey;
  const focused = (target as HTMLElement).dataset.step;
  const take = () => event.preventDefault();
  const arrow = ARROWS[key];
  if (arrow !== undefined && focused !== undefined) {
    take();
    const at = places[focused];
    if (altKey && at !== undefined) {
      put(focused, { x: at.x + arrow.x * GRID * 2, y: at.y + arrow.y * GRID * 2 }, true);
      return;
    }
    const next = nearestStep(places, focused, arrow);
    if (next === undefined) return;
    onChoose({ kind: "step", id: next });
    focusStep(event.currentTarget, next);
  } else if (key === "Delete" || key === "Backspace") {
    take();
    if (chosen?.kind === "wire" && focused === undefined)
      void designer.edit({ do: "disconnect", wire: chosen.wire });
    else {
      const id = focused ?? (chosen?.kind === "step" ? chosen.id : undefined);
      if (id === undefined) return;
      const before = picture.edges.find(({ to }) => to === id)?.from;
      void designer.edit({ do: "remove", ids: [id] });
      if (before === undefined) event.currentTarget.focus();
      else focusStep(event.currentTarget, before);
    }
    onChoose(undefined);
  } else if (key === "Enter" && focused !== undefined) {
    take();
    onChoose({ kind: "step", id: focused });
    onOpen();
  } else if (key === "Escape") onChoose(undefined);
  else if (isCommand && key.toLowerCase() === "d" && focused !== undefined) {
    take();
    void designer
      .edit({ do: "copy", id: focused })
      .then((id) => id && onChoose({ kind: "step", id }));
  }
}

function focusStep(host: HTMLElement, id: string): void {
  // It may have to be drawn first.
  requestAnimationFrame(() => {
    host.querySelector<HTMLElement>(`[data-step="${CSS.escape(id)}"]`)?.focus();
  });
}
