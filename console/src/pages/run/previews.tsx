/** What an action would do to a run, step by step, before it is done. */
import type { ReactNode } from "react";
import {
  KeptReason,
  type KeptStep,
  type StepInFlight,
  type UndoneStep,
} from "../../../../gen/workflows/ops/v1/previews_pb.ts";
import {
  PlanAct,
  PlanReason,
  type PlanStep,
  type RerunPlan,
} from "../../../../gen/workflows/ops/v1/reruns_pb.ts";
import { StepRunState } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { useCall } from "../../api/queries.ts";
import { ErrorNote } from "../../parts/error-note.tsx";
import { Loading } from "../../parts/loading.tsx";
import { PlainText } from "../../parts/plain-text.tsx";
import { StepState } from "../../parts/state-badge.tsx";

const KEPT: Readonly<Record<KeptReason, string>> = {
  [KeptReason.UNSPECIFIED]: "",
  [KeptReason.CANCEL_ALONE]: "it stays done: only Undo takes it back",
  [KeptReason.NO_COMPENSATION]: "it has no undo",
  [KeptReason.SKIPPED_BY_ORDER]: "it was skipped by an order",
  [KeptReason.NO_SUCCESS]: "it did not succeed",
  [KeptReason.PASSED_TO_RERUN]: "its rerun undoes it",
  [KeptReason.LEFT_TO_OLDER_RUN]: "the run that was rerun undoes it",
};
const WHY: Readonly<Record<PlanReason, string>> = {
  [PlanReason.UNSPECIFIED]: "",
  [PlanReason.ASKED]: "it is chosen",
  [PlanReason.INPUT]: "the input is another one",
  [PlanReason.CHANGED]: "the version has another one",
  [PlanReason.UNDONE]: "it was undone",
  [PlanReason.NOT_COMPLETED]: "it was not completed",
  [PlanReason.NO_SUCCESS]: "it did not succeed",
  [PlanReason.DOWNSTREAM]: "a step before it runs again",
  [PlanReason.WHOLE]: "its parallel runs as a whole",
};
const ACTS: readonly [act: PlanAct, title: string][] = [
  [PlanAct.RUN, "Runs at once"],
  [PlanAct.LATER, "May run, as the steps before it end"],
  [PlanAct.REUSE, "Keeps the output it had: no call, no cost"],
  [PlanAct.SKIP, "Is skipped at once"],
];

/** PreviewCancel. */
export function CancelPreview({ runId }: { readonly runId: string }) {
  const preview = useCall(
    ["previewCancel", runId],
    ({ runs }, options) => runs.previewCancel({ runId }, options),
    { staleMs: 0 },
  );
  if (preview.isPending) return <Loading rows={3} />;
  if (preview.isError) return <ErrorNote error={preview.error} />;
  const { inFlight, notBegunStepIds, kept, unchanged } = preview.data;
  return (
    <div className="preview">
      {unchanged && <p>It is cancelled already: nothing would change.</p>}
      <InFlight steps={inFlight} title="Is cancelled" />
      <Group title="Never begins" count={notBegunStepIds.length}>
        <li>{notBegunStepIds.join(", ")}</li>
      </Group>
      <Kept steps={kept} />
    </div>
  );
}

/** PreviewCompensation. */
export function CompensationPreview({ runId }: { readonly runId: string }) {
  const preview = useCall(
    ["previewCompensation", runId],
    ({ runs }, options) => runs.previewCompensation({ runId }, options),
    { staleMs: 0 },
  );
  if (preview.isPending) return <Loading rows={3} />;
  if (preview.isError) return <ErrorNote error={preview.error} />;
  const { inFlight, undone, kept, unchanged } = preview.data;
  return (
    <div className="preview">
      {unchanged && <p>Nothing is left to undo: nothing would change.</p>}
      <InFlight steps={inFlight} title="Is cancelled first" />
      <Group title="Is undone, in this order" count={undone.length}>
        {undone.map((step) => (
          <Undone key={step.stepId} step={step} />
        ))}
      </Group>
      <Kept steps={kept} />
    </div>
  );
}

/** PlanRerun. */
export function PlanPreview({ plan }: { readonly plan: RerunPlan }) {
  return (
    <div className="preview">
      <p>A new run of version {plan.version}. This run stays as it is.</p>
      {ACTS.map(([act, title]) => {
        const steps = plan.steps.filter((step) => step.act === act);
        return (
          <Group key={act} title={title} count={steps.length}>
            {steps.map((step) => (
              <li key={step.stepId}>
                <strong>{step.stepId}</strong> {planWords(step)}
              </li>
            ))}
          </Group>
        );
      })}
    </div>
  );
}

function planWords({ why, approvalVoid, undoStays }: PlanStep): string {
  const words = [
    WHY[why] ?? "",
    approvalVoid ? "it asks for approval again" : "",
    undoStays ? "the older run undoes it" : "",
  ];
  return words.filter((word) => word !== "").join(", ");
}

/** Nothing where there are none. */
function Group({
  title,
  count,
  children,
}: {
  readonly title: string;
  readonly count: number;
  readonly children: ReactNode;
}) {
  if (count === 0) return null;
  return (
    <section>
      <h3>
        {title} <span className="count">{count}</span>
      </h3>
      <ul>{children}</ul>
    </section>
  );
}

function InFlight({
  steps,
  title,
}: {
  readonly steps: readonly StepInFlight[];
  readonly title: string;
}) {
  return (
    <Group title={title} count={steps.length}>
      {steps.map((step) => (
        <li key={step.stepId}>
          <strong>{step.stepId}</strong> <StepState state={step.state} />{" "}
          <PlainText most={1_000}>{inFlightWords(step)}</PlainText>
        </li>
      ))}
    </Group>
  );
}

function inFlightWords(step: StepInFlight): string {
  const { objectiveId, queue, childRunIds, openApprovalRequestIds, mayHaveActed } = step;
  const words = [
    objectiveId === "" ? "" : `with its objective ${objectiveId}`,
    queue === "" ? "" : `with its task of the queue ${queue}`,
    childRunIds.length === 0 ? "" : `with ${childRunIds.length} child runs`,
    openApprovalRequestIds.length === 0 ? "" : "its approval request stays open",
    // A request has no effect before it is decided.
    mayHaveActed && openApprovalRequestIds.length === 0 ? "it may have had an effect" : "",
  ];
  return words.filter((word) => word !== "").join(", ");
}

function Undone({ step }: { readonly step: UndoneStep }) {
  const { stepId, stage, hasChildren, compensationStepId, compensationState, lastError } = step;
  const words = [
    compensationStepId === "" ? "" : `by ${compensationStepId}`,
    hasChildren ? "its child runs first" : "",
    step.isUncertain ? "it may have had an effect" : "",
    lastError,
  ];
  return (
    <li>
      <span className="count">{stage}</span> <strong>{stepId}</strong>{" "}
      {compensationState !== StepRunState.UNSPECIFIED && <StepState state={compensationState} />}{" "}
      <PlainText most={1_000}>{words.filter((word) => word !== "").join(", ")}</PlainText>
    </li>
  );
}

function Kept({ steps }: { readonly steps: readonly KeptStep[] }) {
  return (
    <Group title="Stays as it is" count={steps.length}>
      {steps.map(({ stepId, state, reason }) => (
        <li key={stepId}>
          <strong>{stepId}</strong> <StepState state={state} /> {KEPT[reason] ?? ""}
        </li>
      ))}
    </Group>
  );
}
