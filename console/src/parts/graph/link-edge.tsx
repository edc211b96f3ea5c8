/** A link of the graph: its route, an arrow and its label. */
import type { EdgeProps } from "@xyflow/react";
import { memo } from "react";
import { cutText, visibleText } from "../visible-text.ts";
import type { LinkEdge } from "./flow-parts.ts";
import { middleOf, pathOf } from "./layout.ts";
import { MARKS } from "./marks.ts";

const LABEL_CHARS = 26;

/** Taken, dead and undecided links differ in their line, not in colour alone. */
export const LinkPath = memo(function LinkPath({ data }: EdgeProps<LinkEdge>) {
  if (data === undefined) return null;
  const { route, label, state, mark } = data;
  const end = route.at(-1);
  // That of a mark stands where the link begins: further on it may run beside a step, which would cover it.
  const middle = middleOf(mark === undefined ? route : route.slice(0, 2));
  if (end === undefined) return null;
  const difference = mark && `${MARKS[mark].sign} ${MARKS[mark].word}`;
  const text = [difference, visibleText(label)].filter(Boolean).join(" · ");
  return (
    <g className={`link link-${state}`} data-mark={mark}>
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
