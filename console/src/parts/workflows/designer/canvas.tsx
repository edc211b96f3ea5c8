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
import { type DragEvent, useEffect, useMemo, useRef, useState } from "react";
import { type Layout, NODE_HEIGHT, NODE_WIDTH, type Point } from "../../graph/layout.ts";
import { BoxShape, useBox } from "./box.tsx";
import { idsMeant, onCanvasKey } from "./canvas-keys.ts";
import { type Chosen, chosenOf, idsOf, toggled } from "./chosen.ts";
import { DesignBox } from "./design-box.tsx";
import { DesignLine } from "./design-edge.tsx";
import { createFlow, type DesignEdge, type DesignNode, type Lights, labelOf } from "./flow.ts";
import { droppedKind, isPaletteDrag } from "./palette.tsx";
import { QuickAdd } from "./quick-add.tsx";
import type { NewKind } from "./text/new-steps.ts";
import type { Picture } from "./text/picture.ts";
import type { Designer } from "./use-designer.ts";
import type { Selection } from "./use-selection.ts";
import type { Wire } from "./wires.ts";
import "../../graph/graph.css";

interface Props {
  readonly designer: Designer;
  readonly selection: Selection;
  readonly picture: Picture;
  readonly places: Readonly<Record<string, Point>>;
  /** Of the layout, by `from to`; undefined: steps stand where somebody has put them. */
  readonly routes: Layout["links"] | undefined;
  readonly chosen: Chosen;
  readonly lights: Lights;
  readonly isReadOnly: boolean;
  readonly onChoose: (chosen: Chosen) => void;
  /** Enter on a step. */
  readonly onOpen: () => void;
}

const NODE_TYPES = { step: DesignBox };
const EDGE_TYPES = { wire: DesignLine };
const FIT = { maxZoom: 1, minZoom: 0.4, padding: 0.12 };
/** From so many steps on those that are seen alone are drawn. */
const MANY = 120;
const MAP_FROM_STEPS = 40;
/** In px, as the library draws it. */
const MAP = { width: 200, height: 150 };
const MAP_LEAST_PX = 2;
/** Of the first view: names of steps can be read. */
const READABLE = 0.7;
const GRID = 12;
const MARGIN = 32;
/** Of the buttons at the top. */
const TOP_MARGIN = 56;
/** Around the end of a path, where it can be taken, in px. */
const REACH = 14;

export function Canvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Inside {...props} />
    </ReactFlowProvider>
  );
}

function Inside(props: Props) {
  const { designer, selection, picture, places, routes, chosen, lights, isReadOnly, onChoose } =
    props;
  const { notes, edit, arrange } = designer;
  const flow = useReactFlow<DesignNode, DesignEdge>();
  const host = useRef<HTMLElement>(null);
  const [flowOf] = useState(createFlow);
  const [moved, setMoved] = useState<ReadonlyMap<string, Point>>();
  const [asked, setAsked] = useState<{ from: string; label: string; at: Point; shown: Point }>();
  const parts = flowOf({ picture, notes, places, routes, chosen, lights });
  /** The end of a path is dragged: dropped at an empty place it stays where it was. */
  const isLed = useRef(false);
  const ids = idsOf(chosen);
  const box = useBox(places, (inside) => onChoose(chosenOf([...new Set([...ids, ...inside])])));
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
  useFocusLeft(chosen, host);
  useSeen(chosen?.kind === "step" ? chosen.id : undefined, places, host);

  const meant = ({ target }: { target: EventTarget }) =>
    idsMeant(chosen, (target as HTMLElement).dataset.step);
  const move = (changes: NodeChange<DesignNode>[]) => {
    const next = new Map(moved);
    for (const change of changes) {
      if (change.type === "position" && change.position) next.set(change.id, change.position);
    }
    if (next.size > 0) setMoved(next);
  };
  const put = (dragged: readonly DesignNode[]) => {
    const put = dragged.map(({ id, position: { x, y } }) => [id, { x: onGrid(x), y: onGrid(y) }]);
    arrange({ ...places, ...Object.fromEntries(put) });
    setMoved(undefined);
  };
  const add = async (
    kind: NewKind,
    at: Point,
    more: { from?: string; label?: string; on?: Wire },
  ) => {
    const corner = { x: onGrid(at.x - NODE_WIDTH / 2), y: onGrid(at.y - NODE_HEIGHT / 2) };
    const made = await edit({ do: "add", kind, ...more }, ([id = ""], _, now) => ({
      ...{ ...places, ...now },
      [id]: corner,
    }));
    if (made !== undefined) onChoose(chosenOf(made));
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
  const reconnect = ({ data }: DesignEdge, { source, target, sourceHandle }: Connection) => {
    const label = labelOf(sourceHandle);
    if (data?.wire === undefined || label === undefined) return;
    const next = { from: source, to: target, label };
    void edit({ do: "reconnect", wire: data.wire, next }).then(
      (made) => made && onChoose({ kind: "wire", wire: next }),
    );
  };
  const endConnection = (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    if (isLed.current) return;
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
      onKeyDown={(event) => onCanvasKey(event, props)}
      onCopy={(event) => {
        event.preventDefault();
        if (meant(event).length > 0) void selection.copy(meant(event));
      }}
      onCut={(event) => {
        event.preventDefault();
        if (!isReadOnly && meant(event).length > 0) void selection.cut(meant(event));
      }}
      onPaste={(event) => {
        event.preventDefault();
        if (!isReadOnly) selection.paste(event.clipboardData.getData("text/plain"));
      }}
      {...box.takes}
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
        onNodeDragStart={(_, { id }) => {
          // It is moved alone.
          if (ids.length > 1 && !ids.includes(id)) onChoose({ kind: "step", id });
        }}
        onNodeDragStop={(_, __, dragged) => put(dragged)}
        onNodeClick={({ shiftKey, ctrlKey, metaKey }, { id }) =>
          onChoose(shiftKey || ctrlKey || metaKey ? toggled(chosen, id) : { kind: "step", id })
        }
        onEdgeClick={(_, { data }) => data?.wire && onChoose({ kind: "wire", wire: data.wire })}
        onPaneClick={() => {
          setAsked(undefined);
          onChoose(undefined);
        }}
        onConnect={connect}
        onConnectEnd={endConnection}
        onReconnect={reconnect}
        onReconnectStart={() => {
          isLed.current = true;
        }}
        onReconnectEnd={() => {
          isLed.current = false;
        }}
        edgesReconnectable={!isReadOnly}
        reconnectRadius={REACH}
        isValidConnection={({ source, target }) => source !== target}
        nodesDraggable={!isReadOnly}
        nodesConnectable={!isReadOnly}
        onlyRenderVisibleElements={picture.steps.length > MANY}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnDoubleClick={false}
        deleteKeyCode={null}
        selectionKeyCode={null}
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
        {hasMap(places) && <MiniMap pannable zoomable ariaLabel={null} />}
      </ReactFlow>
      {box.shown && <BoxShape {...box.shown} />}
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

function boundsOf(places: Props["places"]) {
  const all = Object.values(places);
  const left = all.reduce((least, { x }) => Math.min(least, x), 0);
  const top = all.reduce((least, { y }) => Math.min(least, y), 0);
  const right = all.reduce((most, { x }) => Math.max(most, x), 0) + NODE_WIDTH;
  const bottom = all.reduce((most, { y }) => Math.max(most, y), 0) + NODE_HEIGHT;
  return { left, top, width: right - left, height: bottom - top };
}

/** A map of many steps, unless they would be too small on it to be seen. */
function hasMap(places: Props["places"]): boolean {
  const { width, height } = boundsOf(places);
  const perPx = Math.max(width / MAP.width, height / MAP.height);
  return Object.keys(places).length >= MAP_FROM_STEPS && NODE_WIDTH / perPx >= MAP_LEAST_PX;
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
    const { left, top, width, height } = boundsOf(places);
    const [wide, high] = [room.clientWidth - 2 * MARGIN, room.clientHeight - MARGIN - TOP_MARGIN];
    const zoom = Math.min(FIT.maxZoom, Math.max(READABLE, Math.min(wide / width, high / height)));
    const below = Math.max(TOP_MARGIN, (room.clientHeight - height * zoom) / 2);
    const first = Object.values(places).reduce((one, each) => (each.y < one.y ? each : one), {
      ...{ x: left, y: Number.POSITIVE_INFINITY },
    });
    // The first step in the middle, but no room is left empty for it.
    const middle = room.clientWidth / 2 - (first.x + NODE_WIDTH / 2 - left) * zoom;
    const rest = room.clientWidth - MARGIN - width * zoom;
    const beside =
      width * zoom <= wide
        ? (room.clientWidth - width * zoom) / 2
        : Math.min(MARGIN, Math.max(rest, middle));
    void flow.setViewport({ x: beside - left * zoom, y: below - top * zoom, zoom });
  }, []);
}

/** Keys are for what is chosen, not for a step that was chosen before. */
function useFocusLeft(chosen: Chosen, host: { readonly current: HTMLElement | null }): void {
  useEffect(() => {
    const focused = document.activeElement;
    const id = focused instanceof HTMLElement ? focused.dataset.step : undefined;
    const isLeft = id !== undefined && chosen !== undefined && !idsOf(chosen).includes(id);
    if (isLeft && host.current?.contains(focused)) host.current.focus({ preventScroll: true });
  }, [chosen, host]);
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
