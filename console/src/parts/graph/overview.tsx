/**
 * A small picture of the whole graph, with the part that is seen: a click or a drag moves there.
 * Boundary: one canvas, whatever the number of steps. For the mouse alone; the keyboard has the buttons and the steps.
 */
import { Panel, useReactFlow, useStore } from "@xyflow/react";
import { type PointerEvent, useEffect, useRef, useState } from "react";
import type { StepNode } from "./flow-parts.ts";
import { type Layout, NODE_HEIGHT, NODE_WIDTH } from "./layout.ts";
import { stepLook } from "./step-words.ts";

const WIDTH = 180;
const HEIGHT = 130;
/** A step is no smaller, in px of the picture. */
const SMALLEST = 1.5;

export function Overview({
  layout,
  nodes,
}: {
  readonly layout: Layout;
  readonly nodes: readonly StepNode[];
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scale = Math.min(WIDTH / Math.max(1, layout.width), HEIGHT / Math.max(1, layout.height));
  const scheme = useScheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are those of the scheme.
  useEffect(() => {
    if (canvas.current !== null) draw(canvas.current, nodes, layout, scale);
  }, [nodes, layout, scale, scheme]);
  const { setCenter, getZoom } = useReactFlow();
  const move = (event: PointerEvent<HTMLElement>) => {
    if (event.buttons !== 1) return;
    const box = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    void setCenter(x / scale, y / scale, { zoom: getZoom() });
  };
  return (
    <Panel position="bottom-right" className="overview" aria-hidden="true">
      <div
        className="overview-all"
        style={{ width: layout.width * scale, height: layout.height * scale }}
        onPointerDown={move}
        onPointerMove={move}
      >
        <canvas ref={canvas} />
        <Seen scale={scale} />
      </div>
    </Panel>
  );
}

/** The part of the graph that is seen. */
function Seen({ scale }: { readonly scale: number }) {
  const left = useStore(({ transform: [x, , zoom] }) => -x / zoom);
  const top = useStore(({ transform: [, y, zoom] }) => -y / zoom);
  const width = useStore(({ width: own, transform: [, , zoom] }) => own / zoom);
  const height = useStore(({ height: own, transform: [, , zoom] }) => own / zoom);
  return (
    <span
      className="overview-seen"
      style={{
        transform: `translate(${left * scale}px, ${top * scale}px)`,
        ...{ width: width * scale, height: height * scale },
      }}
    />
  );
}

function draw(
  canvas: HTMLCanvasElement,
  nodes: readonly StepNode[],
  { width, height }: Layout,
  scale: number,
): void {
  const ratio = devicePixelRatio;
  canvas.width = Math.max(1, width * scale * ratio);
  canvas.height = Math.max(1, height * scale * ratio);
  const context = canvas.getContext("2d");
  if (context === null) return;
  const style = getComputedStyle(canvas);
  context.scale(ratio, ratio);
  const [wide, high] = [NODE_WIDTH, NODE_HEIGHT].map((px) => Math.max(SMALLEST, px * scale));
  for (const { position, data } of nodes) {
    context.fillStyle = style.getPropertyValue(colourOf(data));
    context.fillRect(position.x * scale, position.y * scale, wide ?? 0, high ?? 0);
  }
}

function colourOf({ facts, hasRun }: StepNode["data"]): string {
  const tone = hasRun ? stepLook(facts?.state, facts?.isHeld).tone : "idle";
  return tone === "idle" ? "--border-strong" : `--${tone}`;
}

/** Changes when the system goes from light to dark or back. */
function useScheme(): boolean {
  const [query] = useState(() => matchMedia("(prefers-color-scheme: dark)"));
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = () => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, [query]);
  return isDark;
}
