/** A path on the canvas: its line, an arrow and its condition. A wide line below it, which is not seen, takes the pointer. */
import { type EdgeProps, getBezierPath } from "@xyflow/react";
import { memo } from "react";
import { pathOf } from "../../graph/layout.ts";
import { MARKS } from "../../graph/marks.ts";
import { cutText, visibleText } from "../../visible-text.ts";
import type { DesignEdge } from "./flow.ts";

const LABEL_CHARS = 30;

export const DesignLine = memo(function DesignLine(props: EdgeProps<DesignEdge>) {
  const { id, data, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition } = props;
  if (data === undefined) return null;
  const { state, mark, condition, isChosen, through } = data;
  const [straight, middleX, middleY] = getBezierPath({
    ...{ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition },
  });
  const ends = [{ x: sourceX, y: sourceY }, ...through, { x: targetX, y: targetY }];
  const path = through.length === 0 ? straight : pathOf(ends);
  const isUndo = state === "undo";
  const difference = mark && `${MARKS[mark].sign} ${MARKS[mark].word}`;
  const text = [difference, visibleText(condition)].filter(Boolean).join(" · ");
  const arrow = isUndo
    ? `M${targetX - 7},${targetY - 4} L${targetX},${targetY} L${targetX - 7},${targetY + 4}Z`
    : `M${targetX - 4},${targetY - 7} L${targetX},${targetY} L${targetX + 4},${targetY - 7}Z`;
  return (
    <g className={`link link-${state}`} data-mark={mark} data-chosen={isChosen || undefined}>
      {!isUndo && <path className="wire-hit" d={path} data-wire={id} />}
      <path className="link-line" d={path} />
      <path className="link-arrow" d={arrow} />
      {text !== "" && (
        <text className="link-label" x={middleX} y={middleY} dy="0.32em" textAnchor="middle">
          <title>{cutText(text, 1_000)}</title>
          {cutText(text, LABEL_CHARS)}
        </text>
      )}
    </g>
  );
});
