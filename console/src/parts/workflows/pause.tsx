/** Pauses a workflow: its triggers start nothing; and resumes it. */
import { CirclePause, CirclePlay } from "lucide-react";
import { useId, useState } from "react";
import {
  OnMissedTrigger,
  type WorkflowPause,
} from "../../../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import type { WorkflowDefinition } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { ActionDialog } from "../action-dialog.tsx";
import { withReason } from "../cli-line.tsx";

const SERVICE = "workflows.ops.v1.Workflows";
const SECONDS_AN_HOUR = 3_600;
const MOST_HOURS = 168;

/** The button that fits; nothing where the caller may not press it. */
export function PauseButton({
  definition,
  pause,
}: {
  readonly definition: WorkflowDefinition;
  readonly pause: WorkflowPause | undefined;
}) {
  const { may } = useRights();
  if (pause !== undefined) {
    return may(`${SERVICE}/Resume`) ? <Resume definition={definition} pause={pause} /> : null;
  }
  return may(`${SERVICE}/Pause`) ? <Pause definition={definition} /> : null;
}

function Pause({ definition: { id, name } }: { readonly definition: WorkflowDefinition }) {
  const [isQueue, setQueue] = useState(false);
  const [hours, setHours] = useState("24");
  const ids = { group: useId(), hours: useId() };
  const count = /^\d{1,3}$/.test(hours) ? Number(hours) : 0;
  const isReady = !isQueue || (count > 0 && count <= MOST_HOURS);
  const pause = useAct(({ sources }, reason: string) =>
    sources.pause({
      ...{ definitionId: id, reason },
      onMissed: isQueue ? OnMissedTrigger.QUEUE : OnMissedTrigger.DROP,
      queueSeconds: isQueue ? count * SECONDS_AN_HOUR : 0,
    }),
  );
  const how = isQueue ? ["--queue", `${count}h`] : [];
  return (
    <ActionDialog
      title="Pause the workflow"
      trigger={
        <button type="button">
          <CirclePause size={16} aria-hidden="true" />
          Pause
        </button>
      }
      reason="required"
      isReady={isReady}
      cli={(reason) => withReason(["triggers", "pause", name, ...how], reason)}
      act={(reason) => pause.mutateAsync(reason)}
    >
      <p>Events, webhooks and schedules start no run of it. Runs under way go on.</p>
      <fieldset className="field">
        <legend>Triggers that come meanwhile</legend>
        <div className="choices-column">
          <label>
            <input
              type="radio"
              name={ids.group}
              checked={!isQueue}
              onChange={() => setQueue(false)}
            />
            are listed and start nothing; they can be replayed later
          </label>
          <label>
            <input
              type="radio"
              name={ids.group}
              checked={isQueue}
              onChange={() => setQueue(true)}
            />
            wait, and start when it is resumed
          </label>
        </div>
      </fieldset>
      {isQueue && (
        <div className="field">
          <label htmlFor={ids.hours}>How many hours one waits</label>
          <input
            id={ids.hours}
            inputMode="numeric"
            value={hours}
            aria-invalid={!isReady}
            onChange={({ target }) => setHours(target.value)}
          />
          {!isReady && <p className="fault">1 to {MOST_HOURS} hours</p>}
        </div>
      )}
    </ActionDialog>
  );
}

function Resume({
  definition: { id, name },
  pause: { queuedCount, missedCount },
}: {
  readonly definition: WorkflowDefinition;
  readonly pause: WorkflowPause;
}) {
  const resume = useAct(({ sources }, reason: string) =>
    sources.resume({ definitionId: id, reason }),
  );
  const [queued, missed] = [Number(queuedCount), Number(missedCount)];
  return (
    <ActionDialog
      title="Resume the workflow"
      trigger={
        <button type="button" className="primary">
          <CirclePlay size={16} aria-hidden="true" />
          Resume
        </button>
      }
      reason="optional"
      cli={(reason) => withReason(["triggers", "resume", name], reason)}
      act={(reason) => resume.mutateAsync(reason)}
    >
      <p>Its triggers start runs again.</p>
      {queued > 0 && (
        <p>
          {queued === 1 ? "1 trigger that waited starts" : `${queued} triggers that waited start`}{" "}
          now.
        </p>
      )}
      {missed > queued && (
        <p>{missed - queued} that were dropped stay listed. They can be replayed afterwards.</p>
      )}
    </ActionDialog>
  );
}
