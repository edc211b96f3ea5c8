/** Any number of runs: only the rows that are seen are in the page, and the next ones are asked for at the end. */
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { WorkflowRun } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { RunHead } from "./run-list.tsx";
import { RunCells } from "./run-row.tsx";
import { useWorkflowNames } from "./search.ts";

const ROW_PX = 52;
const OVERSCAN = 12;
/** So many rows before the end the next ones are asked for. */
const AHEAD = 40;

export function VirtualRuns({
  runs,
  hasMore,
  onMore,
}: {
  readonly runs: readonly WorkflowRun[];
  readonly hasMore: boolean;
  readonly onMore: () => void;
}) {
  const nameOf = useWorkflowNames();
  const list = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), []);
  const rows = useWindowVirtualizer({
    count: runs.length,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    scrollMargin: top,
    getItemKey: (at) => runs[at]?.id ?? at,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= runs.length - AHEAD) onMore();
  }, [hasMore, last, runs.length, onMore]);
  return (
    <div className="runs-frame">
      <table aria-label="Runs" aria-rowcount={hasMore ? -1 : runs.length + 1} className="runs">
        <RunHead />
        <tbody ref={list} className="runs-virtual" style={{ height: rows.getTotalSize() }}>
          {shown.map(({ index, key, start }) => {
            const run = runs[index];
            if (run === undefined) return null;
            const style = { transform: `translateY(${start - top}px)` };
            return (
              <tr aria-rowindex={index + 2} className="run-row" key={key} style={style}>
                <RunCells run={run} nameOf={nameOf} />
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
