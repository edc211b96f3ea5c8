/** One run of a list: what it is, where it stands, how long it takes and costs. */
import { Link } from "wouter";
import {
  type StepRun,
  StepRunState,
  type WorkflowRun,
  WorkflowState,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { paths } from "../../paths.ts";
import { CopyButton, shortId } from "../copy.tsx";
import { ROW_LINK } from "../keys.ts";
import { costWords } from "../money.ts";
import { Duration, RelativeTime } from "../relative-time.tsx";
import { RunState } from "../state-badge.tsx";
import "../../styles/runs.css";
import { PlainText } from "../plain-text.tsx";

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
        <Link href={paths.run(run.id)} {...ROW_LINK}>
          <PlainText most={200}>{nameOf(run.definitionId)}</PlainText>
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
      <td className="number">{run.totalCostUsd > 0 && costWords(run.totalCostUsd)}</td>
    </>
  );
}

/** The heads of the columns. */
export const RUN_COLUMNS = ["State", "Workflow", "Where it stands", "Started", "Took", "Cost"];

/** Where an open run stands, or at which step one failed. */
function Place({ run }: { readonly run: WorkflowRun }) {
  if (run.state === WorkflowState.FAILED) {
    const failed = run.steps.filter(({ state }) => state === StepRunState.FAILED);
    const isUndone = run.steps.some(({ state }) => state === StepRunState.COMPENSATED);
    if (failed.length === 0) return isUndone ? <span className="muted">undone</span> : null;
    return <span>failed at {listWords(failed)}</span>;
  }
  const open = run.steps.filter(({ state }) => OPEN.has(state));
  if (open.length === 0) {
    const done = run.steps.filter(({ state }) => state === StepRunState.COMPLETED).length;
    if (run.steps.length === 0) return null;
    return <span className="muted">{`${done} of ${run.steps.length} steps done`}</span>;
  }
  return <span>{listWords(open)}</span>;
}

/** The first steps by their ids: lists have no more of a step than that and its state. */
function listWords(steps: readonly StepRun[]): string {
  const more = steps.length - NAMED;
  const names = steps.slice(0, NAMED).map(({ stepId }) => stepId);
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
