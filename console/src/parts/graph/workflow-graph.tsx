/**
 * The graph of a version, with how a run stands at each step where there is one.
 * Boundary: places come from the layout of the version alone, so nothing moves while data arrives. Which step is open is the page's.
 */
import { Background, Controls, ReactFlow } from "@xyflow/react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { WorkflowVersion } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { ErrorNote } from "../error-note.tsx";
import type { LinkState } from "./edge-states.ts";
import { createFlowParts, type LinkEdge, type StepNode } from "./flow-parts.ts";
import { modelOf } from "./graph-model.ts";
import { type Layout, NODE_HEIGHT, NODE_WIDTH } from "./layout.ts";
import { layoutOf } from "./layouts.ts";
import { LinkPath } from "./link-edge.tsx";
import type { Mark, NodeFacts } from "./node-facts.ts";
import { Overview } from "./overview.tsx";
import { StepBox } from "./step-box.tsx";
import "./graph.css";

const NODE_TYPES = { step: StepBox };
const EDGE_TYPES = { link: LinkPath };
const MAP_FROM_STEPS = 30;
const SMALLEST_ZOOM = 0.05;
/** Below it names cannot be read: rather a part of the graph is shown at first. */
const FIRST_ZOOM = 0.6;
const MARGIN = 24;
/** Labels of links may stand out of the layout at its sides. */
const SIDE = 40;

/** What is drawn. */
export interface WorkflowGraphProps {
  readonly version: Pick<WorkflowVersion, "definitionId" | "version" | "steps" | "edges">;
  /** How a run stands, by step; steps without an entry have not begun. Objects that did not change should be the same ones. */
  readonly facts?: ReadonlyMap<string, NodeFacts>;
  readonly linkStates?: ReadonlyMap<string, LinkState>;
  /** How steps differ from those of another version, and links, by their ids. */
  readonly marks?: ReadonlyMap<string, Mark>;
  readonly linkMarks?: ReadonlyMap<string, Mark>;
  /** Names what is drawn where that is not the version alone. */
  readonly layoutKey?: string;
  readonly chosen?: string;
  /** A step that is seen at first where not all fit. */
  readonly focus?: string;
  onChoose?(stepId: string): void;
}

/** The graph fills what is around it. Loaded when it is drawn: it is the largest part of the console. */
export default function WorkflowGraph(props: WorkflowGraphProps) {
  const { version, facts, linkStates, marks, linkMarks, chosen, focus, onChoose } = props;
  const { definitionId, steps, edges } = version;
  const model = useMemo(() => modelOf(steps, edges), [steps, edges]);
  const key = props.layoutKey ?? `${definitionId}/${version.version}`;
  const { layout, error } = useLayout(key, model);
  const [partsOf] = useState(createFlowParts);
  const parts = useMemo(
    () => layout && partsOf({ model, layout, facts, linkStates, marks, linkMarks, chosen }),
    [partsOf, model, layout, facts, linkStates, marks, linkMarks, chosen],
  );
  const place = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is seen at first does not follow the run.
  const viewport = useMemo(() => layout && firstViewport(layout, place.current, focus), [layout]);
  if (error !== undefined) return <ErrorNote error={error} />;
  return (
    <section className="graph" ref={place} aria-label="Graph of the steps" aria-busy={!parts}>
      {layout === undefined && (
        <p className="graph-wait" role="status">
          Laying out {steps.length} steps …
        </p>
      )}
      {parts !== undefined && layout !== undefined && viewport !== undefined && (
        <ReactFlow<StepNode, LinkEdge>
          nodes={parts.nodes}
          edges={parts.edges}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          defaultViewport={viewport}
          onNodeClick={(_, { id }) => onChoose?.(id)}
          onlyRenderVisibleElements
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          zoomOnDoubleClick={false}
          preventScrolling={false}
          zoomOnScroll={false}
          minZoom={SMALLEST_ZOOM}
          maxZoom={1.5}
          proOptions={{ hideAttribution: true }}
        >
          <Background gap={24} size={1} />
          <Controls showInteractive={false} />
          {steps.length >= MAP_FROM_STEPS && <Overview layout={layout} nodes={parts.nodes} />}
        </ReactFlow>
      )}
    </section>
  );
}

function useLayout(key: string, model: ReturnType<typeof modelOf>) {
  const [made, setMade] = useState<{ key: string; layout?: Layout; error?: Error }>({ key: "" });
  useEffect(() => {
    let isWanted = true;
    const nodes = model.nodes.map(({ id, undo }) => ({ id, hasUndo: undo !== undefined }));
    const links = model.links.map(({ id, from, to }) => ({ id, from, to }));
    layoutOf(key, { nodes, links, above: model.above }).then(
      (layout) => isWanted && setMade({ key, layout }),
      (error) => isWanted && setMade({ key, error }),
    );
    return () => {
      isWanted = false;
    };
  }, [key, model]);
  return made.key === key ? made : { key };
}

/** All of it where it can be read so; else the step in question, or the beginning. */
function firstViewport(
  { width, height, nodes }: Layout,
  place: HTMLElement | null,
  focus: string | undefined,
) {
  const room = { width: place?.clientWidth ?? width, height: place?.clientHeight ?? height };
  const [wide, high] = [
    (room.width - 2 * SIDE) / Math.max(1, width),
    (room.height - 2 * MARGIN) / Math.max(1, height),
  ];
  const zoom = Math.min(1, Math.max(FIRST_ZOOM, Math.min(wide, high)));
  const at = focus === undefined ? undefined : nodes[focus];
  const center = {
    x: wide >= zoom || at === undefined ? width / 2 : at.x + NODE_WIDTH / 2,
    y: at === undefined ? 0 : at.y + NODE_HEIGHT / 2,
  };
  const x = room.width / 2 - center.x * zoom;
  const top = high >= zoom ? (room.height - height * zoom) / 2 : undefined;
  const y = top ?? Math.min(MARGIN, room.height / 2 - center.y * zoom);
  return { x, y, zoom };
}
