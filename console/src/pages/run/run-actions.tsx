/** What may be done to a run as it stands. Each action says first what it would do. */
import { useId, useState } from "react";
import { useLocation } from "wouter";
import { WorkflowState } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct, useCall } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { withReason } from "../../parts/cli-line.tsx";
import { ErrorNote } from "../../parts/error-note.tsx";
import { Loading } from "../../parts/loading.tsx";
import { paths } from "../../paths.ts";
import { CancelPreview, CompensationPreview, PlanPreview } from "./previews.tsx";

const V1 = "workflows.v1.WorkflowService";
const RUNS = "workflows.ops.v1.Runs";
const { PENDING, RUNNING, PAUSED, COMPLETED, FAILED, CANCELLED } = WorkflowState;

interface Props {
  readonly runId: string;
  readonly state: WorkflowState;
  /** It cannot be rerun: its parent is. */
  readonly isChild: boolean;
  readonly stepIds: readonly string[];
  /** After an action: the run may have left its end. */
  readonly onDone: () => void;
}

/** Buttons; those that the caller may not press are not there. */
export function RunActions({ runId, state, isChild, stepIds, onDone }: Props) {
  const { may } = useRights();
  const is = (...states: readonly WorkflowState[]) => states.includes(state);
  const props = { runId, onDone };
  return (
    <>
      {is(RUNNING) && may(`${V1}/PauseRun`) && <Pause {...props} />}
      {is(PAUSED) && may(`${V1}/ResumeRun`) && <Resume {...props} />}
      {is(PENDING, RUNNING, PAUSED) && may(`${V1}/CancelRun`) && <Cancel {...props} />}
      {is(RUNNING, PAUSED, FAILED, CANCELLED) && may(`${V1}/CompensateRun`) && (
        <Compensate {...props} />
      )}
      {is(COMPLETED, FAILED, CANCELLED) && !isChild && may(`${RUNS}/Rerun`) && (
        <Rerun {...props} stepIds={stepIds} />
      )}
    </>
  );
}

type ActionProps = Pick<Props, "runId" | "onDone">;

function Pause({ runId: id, onDone }: ActionProps) {
  const pause = useAct(
    ({ workflows }, reason: string) => workflows.pauseRun({ id, reason }),
    onDone,
  );
  return (
    <ActionDialog
      title="Pause the run"
      trigger={<button type="button">Pause</button>}
      reason="optional"
      cli={(reason) => withReason(["pause", id], reason)}
      act={(reason) => pause.mutateAsync(reason)}
    >
      <p>Nothing new starts until the run is resumed. What is in flight may end.</p>
    </ActionDialog>
  );
}

function Resume({ runId: id, onDone }: ActionProps) {
  const resume = useAct(({ workflows }, _: string) => workflows.resumeRun({ id }), onDone);
  return (
    <ActionDialog
      title="Resume the run"
      trigger={<button type="button">Resume</button>}
      cli={() => ["resume", id]}
      act={(reason) => resume.mutateAsync(reason)}
    >
      <p>The run goes on with what is ready.</p>
    </ActionDialog>
  );
}

function Cancel({ runId: id, onDone }: ActionProps) {
  const cancel = useAct(
    ({ workflows }, reason: string) => workflows.cancelRun({ id, reason }),
    onDone,
  );
  return (
    <ActionDialog
      title="Cancel the run"
      trigger={
        <button type="button" className="danger">
          Cancel
        </button>
      }
      isDestructive
      reason="required"
      cli={(reason) => withReason(["cancel", id], reason)}
      act={(reason) => cancel.mutateAsync(reason)}
    >
      <p>The run ends. Nothing is undone.</p>
      <CancelPreview runId={id} />
    </ActionDialog>
  );
}

function Compensate({ runId: id, onDone }: ActionProps) {
  const compensate = useAct(
    ({ workflows }, reason: string) => workflows.compensateRun({ id, reason }),
    onDone,
  );
  return (
    <ActionDialog
      title="Undo the run"
      trigger={
        <button type="button" className="danger">
          Undo
        </button>
      }
      isDestructive
      reason="required"
      cli={(reason) => withReason(["compensate", id], reason)}
      act={(reason) => compensate.mutateAsync(reason)}
    >
      <p>Each step that has an undo is undone, the last one first. The run ends as failed.</p>
      <CompensationPreview runId={id} />
    </ActionDialog>
  );
}

function Rerun({ runId, stepIds, onDone }: ActionProps & Pick<Props, "stepIds">) {
  const [, go] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const [fromStepId, setFrom] = useState("");
  const id = useId();
  const planned = useCall(
    ["planRerun", runId, fromStepId],
    ({ runs }, options) => runs.planRerun({ runId, fromStepId }, options),
    { isEnabled: isOpen, staleMs: 0 },
  );
  const plan = planned.data?.plan;
  const rerun = useAct(
    ({ runs }, reason: string) => runs.rerun({ runId, fromStepId, planId: plan?.id ?? "", reason }),
    ({ run }) => {
      onDone();
      if (run !== undefined) go(paths.run(run.id));
    },
  );
  const from = fromStepId === "" ? [] : ["--from", fromStepId];
  return (
    <ActionDialog
      title="Run it again"
      trigger={<button type="button">Run again</button>}
      reason="required"
      cli={(reason) => withReason(["rerun", runId, ...from], reason)}
      isReady={plan !== undefined && !planned.isFetching}
      act={(reason) => rerun.mutateAsync(reason)}
      onOpenChange={setOpen}
    >
      <div className="field">
        <label htmlFor={id}>Begin with</label>
        <select id={id} value={fromStepId} onChange={({ target }) => setFrom(target.value)}>
          <option value="">what was not completed</option>
          {stepIds.map((stepId) => (
            <option key={stepId}>{stepId}</option>
          ))}
        </select>
      </div>
      {planned.isError ? (
        <ErrorNote error={planned.error} />
      ) : plan === undefined ? (
        <Loading rows={3} />
      ) : (
        <PlanPreview plan={plan} />
      )}
    </ActionDialog>
  );
}
