/** A link of the graph: its route, an arrow and its label. */
import type { EdgeProps } from "@xyflow/react";
import { memo } from "react";
import { cutText, visibleText } from "../visible-text.ts";
import type { LinkEdge } from "./flow-parts.ts";
import { middleOf, pathOf } from "./layout.ts";

const LABEL_CHARS = 26;

/** Taken, dead and undecided links differ in their line, not in colour alone. */
export const LinkPath = memo(function LinkPath({ data }: EdgeProps<LinkEdge>) {
  if (data === undefined) return null;
  const { route, label, state } = data;
  const end = route.at(-1);
  const middle = middleOf(route);
  if (end === undefined) return null;
  const text = visibleText(label);
  return (
    <g className={`link link-${state}`}>
      <path className="link-line" d={pathOf(route)} />
      {state === "undo" ? (
        <path
          className="link-arrow"
          d={`M${end.x - 7},${end.y - 4} L${end.x},${end.y} L${end.x - 7},${end.y + 4}Z`}
        />
      ) : (
        <path
          className="link-arrow"
          d={`M${end.x - 4},${end.y - 7} L${end.x},${end.y} L${end.x + 4},${end.y - 7}Z`}
        />
      )}
      {text !== "" && (
        <text className="link-label" x={middle.x} y={middle.y} dy="0.32em" textAnchor="middle">
          <title>{cutText(text, 1_000)}</title>
          {cutText(text, LABEL_CHARS)}
        </text>
      )}
    </g>
  );
});
