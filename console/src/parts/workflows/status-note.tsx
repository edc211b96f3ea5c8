/** Why a workflow starts nothing, or not as it should: in words, with the way on. */
import { Link } from "wouter";
import { WorkflowStatus } from "../../../../gen/workflows/ops/v1/workflow_facts_pb.ts";
import {
  OnMissedTrigger,
  type WorkflowPause,
} from "../../../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import type { Workflow } from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import { paths } from "../../paths.ts";
import { RelativeTime } from "../relative-time.tsx";
import { Sentence } from "../sentence.tsx";
import { lookOfStatus } from "./status.tsx";

const { ARCHIVED, PAUSED, PENDING_APPROVAL, FAILED } = WorkflowStatus;

const TOLD: ReadonlySet<WorkflowStatus> = new Set([ARCHIVED, PAUSED, PENDING_APPROVAL, FAILED]);

/** Nothing where all is well. */
export function StatusNote({ workflow }: { readonly workflow: Workflow }) {
  const { status, statusReasons, pause, definition } = workflow;
  if (!TOLD.has(status)) return null;
  const { tone, icon: Icon, word } = lookOfStatus(status);
  const id = definition?.id ?? "";
  return (
    <section className="status-note" data-tone={tone} aria-label={`Status: ${word}`}>
      <Icon size={18} aria-hidden="true" />
      <div>
        {statusReasons.map((reason) => (
          <p key={reason}>
            <Sentence most={500}>{reason}</Sentence>
          </p>
        ))}
        {status === PAUSED && pause !== undefined && <PauseFacts pause={pause} id={id} />}
        {status === PENDING_APPROVAL && (
          <p>
            <Link href={`${paths.inbox}?kind=deploy`}>Open the inbox</Link>
          </p>
        )}
        {status === ARCHIVED && (
          <p>
            <Link href={paths.workflowTab(id, "settings")}>Take it out of the archive</Link>
          </p>
        )}
      </div>
    </section>
  );
}

function PauseFacts({ pause, id }: { readonly pause: WorkflowPause; readonly id: string }) {
  const { pausedAt, onMissed, missedCount, queuedCount } = pause;
  const isQueue = onMissed === OnMissedTrigger.QUEUE;
  const missed = Number(missedCount);
  return (
    <p>
      That was <RelativeTime at={pausedAt} />.{" "}
      {isQueue ? "Triggers wait until it is resumed." : "Triggers are listed and start nothing."}{" "}
      <Link href={paths.workflowTab(id, "triggers")}>
        {missed === 1 ? "1 trigger" : `${missed} triggers`} came meanwhile
      </Link>
      {isQueue && `, ${queuedCount} of them wait`}.
    </p>
  );
}
