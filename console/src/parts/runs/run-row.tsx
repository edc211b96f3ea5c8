/** One run of a list: what it is, where it stands, how long it takes and costs. */
import { Link } from "wouter";
import {
  StepRunState,
  type WorkflowRun,
  WorkflowState,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { paths } from "../../paths.ts";
import { CopyButton, shortId } from "../copy.tsx";
import { ROW_LINK } from "../keys.ts";
import { Duration, RelativeTime } from "../relative-time.tsx";
import { RunState } from "../state-badge.tsx";
import "../../styles/runs.css";

const OPEN: ReadonlySet<StepRunState> = new Set([StepRunState.RUNNING, StepRunState.WAITING]);
const NAMED = 2;

/** The cells of a run's row, in the order of RUN_COLUMNS. */
export function RunCells({
  run,
  nameOf,
}: {
  readonly run: WorkflowRun;
  readonly nameOf: (definitionId: string) => string;
}) {
  return (
    <>
      <td>
        <RunState state={run.state} />
      </td>
      <td className="run-name">
        <Link href={paths.run(run.id)} {...ROW_LINK} dir="auto">
          {nameOf(run.definitionId)}
        </Link>
        <span className="muted run-id">
          <code title={run.id}>{shortId(run.id)}</code>
          <CopyButton text={run.id} what={`the id ${run.id}`} />
        </span>
      </td>
      <td className="run-place" dir="auto">
        <Place run={run} />
      </td>
      <td>
        <RelativeTime at={run.startedAt} />
      </td>
      <td className="number">
        <Duration from={run.startedAt} to={run.completedAt} />
      </td>
      <td className="number">{costWords(run.totalCostUsd)}</td>
    </>
  );
}

/** The heads of the columns. */
export const RUN_COLUMNS = ["State", "Workflow", "Where it stands", "Started", "Took", "Cost"];

/** Where an open run stands, or why one failed. */
function Place({ run }: { readonly run: WorkflowRun }) {
  if (run.state === WorkflowState.FAILED) {
    const failed =
      run.steps.find(({ errorMessage }) => errorMessage !== "") ??
      run.steps.find(({ state }) => state === StepRunState.FAILED);
    if (failed === undefined) return null;
    return (
      <span title={failed.errorMessage}>
        <span className="muted">{failed.stepName || failed.stepId}:</span>{" "}
        {failed.errorMessage || "failed"}
      </span>
    );
  }
  const open = run.steps.filter(({ state }) => OPEN.has(state));
  if (open.length === 0) {
    const done = run.steps.filter(({ state }) => state === StepRunState.COMPLETED).length;
    if (run.steps.length === 0) return null;
    return <span className="muted">{`${done} of ${run.steps.length} steps done`}</span>;
  }
  const names = open.slice(0, NAMED).map(({ stepName, stepId }) => stepName || stepId);
  const more = open.length - names.length;
  return <span>{names.join(", ") + (more > 0 ? ` and ${more} more` : "")}</span>;
}

/** USD; nothing where it was free. */
export function costWords(usd: number): string {
  if (usd === 0) return "";
  return usd < 0.01 ? "< $0.01" : `$${usd.toFixed(2)}`;
}
