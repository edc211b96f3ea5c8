/** A box that is drawn on the canvas with the Shift key held: steps that it touches are chosen. */
import { useReactFlow } from "@xyflow/react";
import { type MouseEvent, useRef, useState } from "react";
import { NODE_HEIGHT, NODE_WIDTH, type Point } from "../../graph/layout.ts";
import type { Places } from "../draft/places.ts";

/** Less is a click. */
const LEAST = 4;

interface Box {
  readonly from: Point;
  readonly to: Point;
}

/** `takes`: for the canvas, before its own handlers. `shown`: while it is drawn, in px of the window. */
export function useBox(places: Places, onBox: (ids: string[]) => void) {
  const flow = useReactFlow();
  const [shown, setShown] = useState<Box>();
  const isDrawn = useRef(false);
  const begin = (event: MouseEvent<HTMLElement>) => {
    // A box that ended outside of the canvas ended with no click on it.
    isDrawn.current = false;
    const isPane = (event.target as HTMLElement).classList.contains("react-flow__pane");
    if (!event.shiftKey || event.button !== 0 || !isPane) return;
    event.stopPropagation();
    event.preventDefault();
    event.currentTarget.focus();
    const from = { x: event.clientX, y: event.clientY };
    let to = from;
    const ending = new AbortController();
    const { signal } = ending;
    window.addEventListener(
      "mousemove",
      ({ clientX, clientY }) => {
        to = { x: clientX, y: clientY };
        setShown({ from, to });
      },
      { signal },
    );
    window.addEventListener(
      "mouseup",
      () => {
        ending.abort();
        setShown(undefined);
        isDrawn.current = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y)) > LEAST;
        if (isDrawn.current) {
          onBox(stepsIn(places, flow.screenToFlowPosition(from), flow.screenToFlowPosition(to)));
        }
      },
      { signal },
    );
  };
  /** The click that ends a box chooses nothing else. */
  const end = (event: MouseEvent) => {
    if (isDrawn.current) event.stopPropagation();
    isDrawn.current = false;
  };
  return { takes: { onMouseDownCapture: begin, onClickCapture: end }, shown };
}

function stepsIn(places: Places, one: Point, other: Point): string[] {
  const [left, right] = [Math.min(one.x, other.x), Math.max(one.x, other.x)];
  const [top, bottom] = [Math.min(one.y, other.y), Math.max(one.y, other.y)];
  return Object.entries(places).flatMap(([id, { x, y }]) =>
    x < right && x + NODE_WIDTH > left && y < bottom && y + NODE_HEIGHT > top ? [id] : [],
  );
}

export function BoxShape({ from, to }: Box) {
  return (
    <div
      className="design-selection"
      style={{
        left: Math.min(from.x, to.x),
        top: Math.min(from.y, to.y),
        width: Math.abs(to.x - from.x),
        height: Math.abs(to.y - from.y),
      }}
    />
  );
}
