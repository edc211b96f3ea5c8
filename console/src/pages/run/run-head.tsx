/** The head of the page of a run: what it is, how it stands, and what may be done to it. */
import { useMemo } from "react";
import { Link } from "wouter";
import type { WorkflowRun, WorkflowVersion } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { CopyId } from "../../parts/copy.tsx";
import { Liveliness } from "../../parts/liveliness.tsx";
import { costWords } from "../../parts/money.ts";
import { PageHead } from "../../parts/page-head.tsx";
import { PlainText } from "../../parts/plain-text.tsx";
import { Duration, RelativeTime } from "../../parts/relative-time.tsx";
import { RunState } from "../../parts/state-badge.tsx";
import { visibleText } from "../../parts/visible-text.ts";
import { paths } from "../../paths.ts";
import { RunActions } from "./run-actions.tsx";
import { isFinalRun, type RunPicture } from "./run-picture.ts";
import type { FollowedRun } from "./use-run.ts";

export function RunHead({
  run,
  version,
  picture,
  followed,
  name,
  environment,
}: {
  readonly run: WorkflowRun;
  readonly version: WorkflowVersion;
  readonly picture: RunPicture;
  readonly followed: FollowedRun;
  /** Of the workflow. */
  readonly name: string;
  /** Where it was started; "": it is not known yet. */
  readonly environment: string;
}) {
  const { id, definitionId, definitionVersion, entityId, entityType, parentRunId } = run;
  const { state, startedAtMs, endedAtMs, totalCostUsd } = picture;
  const initiator = run.initiatorUserId || run.initiatorAgentId;
  const undoIds = useMemo(
    () => new Set(version.steps.map(({ compensationStepId }) => compensationStepId)),
    [version],
  );
  const stepIds = version.steps.map((step) => step.id).filter((stepId) => !undoIds.has(stepId));
  // An order may have opened a run whose stream has ended.
  const onDone = () => {
    if (isFinalRun(state) || followed.liveness.kind !== "live") followed.again();
  };
  return (
    <PageHead
      title={visibleText(name)}
      tabTitle={`${visibleText(name)} · ${id}`}
      aside={
        <RunActions
          runId={id}
          state={state}
          isChild={parentRunId !== ""}
          stepIds={stepIds}
          onDone={onDone}
        />
      }
    >
      <RunState state={state} />
      <Liveliness
        liveness={followed.liveness}
        heardAtMs={followed.heardAtMs}
        onAgain={followed.again}
      />
      <CopyId id={id} />
      <Link href={paths.workflow(definitionId)}>version {definitionVersion}</Link>
      {environment !== "" && environment !== "production" && <span>in {environment}</span>}
      {entityId !== "" && (
        <span>
          about <PlainText most={200}>{`${entityWords(entityType)}${entityId}`}</PlainText>
        </span>
      )}
      {initiator !== "" && (
        <span>
          by <PlainText most={200}>{initiator}</PlainText>
        </span>
      )}
      {startedAtMs !== undefined && (
        <span>
          began <RelativeTime at={new Date(startedAtMs)} />,{" "}
          {endedAtMs === undefined ? "open for " : "took "}
          <Duration
            from={new Date(startedAtMs)}
            to={endedAtMs === undefined ? undefined : new Date(endedAtMs)}
          />
        </span>
      )}
      {totalCostUsd > 0 && <span>cost {costWords(totalCostUsd)}</span>}
      {parentRunId !== "" && <Link href={paths.run(parentRunId)}>its parent</Link>}
    </PageHead>
  );
}

/** `ENTITY_TYPE_DEAL` as `deal `. */
function entityWords(type: string): string {
  const word = type.replace(/^ENTITY_TYPE_/, "").toLowerCase();
  return word === "" || word === "unspecified" ? "" : `${word} `;
}
