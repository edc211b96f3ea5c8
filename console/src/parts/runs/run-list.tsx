/** A short list of runs. The long one of the page Runs is virtual-runs.tsx. */
import type { WorkflowRun } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { RUN_COLUMNS, RunCells } from "./run-row.tsx";
import { useWorkflowNames } from "./search.ts";

export function RunList({
  label,
  runs,
}: {
  readonly label: string;
  readonly runs: readonly WorkflowRun[];
}) {
  const nameOf = useWorkflowNames();
  return (
    <div className="runs-frame">
      <table aria-label={label} className="runs">
        <RunHead />
        <tbody>
          {runs.map((run) => (
            <tr className="run-row" key={run.id}>
              <RunCells run={run} nameOf={nameOf} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function RunHead() {
  return (
    <thead>
      <tr className="run-row run-head">
        {RUN_COLUMNS.map((title) => (
          <th scope="col" key={title}>
            {title}
          </th>
        ))}
      </tr>
    </thead>
  );
}
