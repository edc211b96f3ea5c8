/** Triggers that came while the workflow was paused: what became of each, and a button that starts them. */
import { useState } from "react";
import { Link } from "wouter";
import {
  type MissedTrigger,
  MissedTriggerState,
} from "../../../../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import type { WorkflowDefinition } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { useAct, useCall } from "../../../api/queries.ts";
import { useRights } from "../../../api/rights.ts";
import { paths } from "../../../paths.ts";
import { ActionDialog } from "../../action-dialog.tsx";
import { Badge, type Tone } from "../../badge.tsx";
import { withReason } from "../../cli-line.tsx";
import { shortId } from "../../copy.tsx";
import { ErrorNote } from "../../error-note.tsx";
import { PlainText } from "../../plain-text.tsx";
import { RelativeTime } from "../../relative-time.tsx";
import { type Column, Table } from "../../table.tsx";
import { Trigger } from "../trigger.tsx";

const REPLAY = "workflows.ops.v1.Workflows/ReplayMissedTriggers";
const SHOWN = 100;
const EVERY_MS = 10_000;

const STATES: Readonly<Record<MissedTriggerState, readonly [word: string, tone: Tone]>> = {
  [MissedTriggerState.UNSPECIFIED]: ["Unknown", "idle"],
  [MissedTriggerState.DROPPED]: ["Dropped", "idle"],
  [MissedTriggerState.QUEUED]: ["Waits", "warn"],
  [MissedTriggerState.STARTING]: ["Starts", "info"],
  [MissedTriggerState.STARTED]: ["Started", "ok"],
  [MissedTriggerState.FAILED]: ["Cannot start", "bad"],
};

/** Nothing where none was missed. */
export function MissedTriggers({
  definition,
  isPaused,
}: {
  readonly definition: WorkflowDefinition;
  readonly isPaused: boolean;
}) {
  const { id: definitionId } = definition;
  const { data, error } = useCall(
    ["missed", definitionId],
    ({ sources }, options) =>
      sources.listMissedTriggers({ definitionId, pageSize: SHOWN }, options),
    { everyMs: EVERY_MS },
  );
  if (data === undefined) return error ? <ErrorNote error={error} /> : null;
  if (data.triggers.length === 0) return null;
  return (
    <List
      definition={definition}
      triggers={data.triggers}
      total={data.totalSize}
      isPaused={isPaused}
    />
  );
}

function List({
  definition,
  triggers,
  total,
  isPaused,
}: {
  readonly definition: WorkflowDefinition;
  readonly triggers: readonly MissedTrigger[];
  readonly total: number;
  readonly isPaused: boolean;
}) {
  const { may } = useRights();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const open = triggers.filter(isReplayable);
  const ids = open.map(({ id }) => id).filter((id) => chosen.has(id));
  const mayReplay = may(REPLAY) && open.length > 0;
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const columns: Column<MissedTrigger>[] = [
    ...(mayReplay && !isPaused
      ? [
          {
            title: "Choose",
            cell: (trigger: MissedTrigger) =>
              isReplayable(trigger) && (
                <input
                  type="checkbox"
                  aria-label={`Choose ${trigger.triggerEventId}`}
                  checked={chosen.has(trigger.id)}
                  onChange={() => toggle(trigger.id)}
                />
              ),
          },
        ]
      : []),
    { title: "Came", cell: ({ missedAt }) => <RelativeTime at={missedAt} /> },
    { title: "By", cell: ({ triggerType }) => <Trigger type={triggerType} /> },
    {
      title: "Event",
      cell: ({ triggerEventId }) => <PlainText most={80}>{triggerEventId}</PlainText>,
    },
    { title: "Became", cell: (trigger) => <Became trigger={trigger} /> },
    {
      title: "Paused because",
      cell: ({ pauseReason }) => <PlainText most={300}>{pauseReason}</PlainText>,
    },
  ];
  return (
    <section className="card" aria-label="Missed triggers">
      <div className="card-head">
        <h2>Missed while it was paused</h2>
        {mayReplay &&
          (isPaused ? (
            <span className="muted">They can be started when it is resumed.</span>
          ) : (
            <Replay definition={definition} ids={ids} onDone={() => setChosen(new Set())} />
          ))}
      </div>
      <Table label="All missed triggers" columns={columns} rows={triggers} keyOf={({ id }) => id} />
      {total > triggers.length && (
        <p className="muted card-body">
          The newest {triggers.length} of {total}. Older ones:{" "}
          <code>workflows triggers missed</code>
        </p>
      )}
    </section>
  );
}

/** Whether somebody may start it still. */
function isReplayable({ state, canStart }: MissedTrigger): boolean {
  const isOpen = state === MissedTriggerState.DROPPED || state === MissedTriggerState.QUEUED;
  return isOpen && canStart;
}

function Became({ trigger }: { readonly trigger: MissedTrigger }) {
  const { state, runId, problem, queuedUntil } = trigger;
  const [word, tone] = STATES[state] ?? ["Unknown", "idle"];
  return (
    <span className="workflow-status">
      <Badge tone={tone}>{word}</Badge>
      {runId !== "" && <Link href={paths.run(runId)}>{shortId(runId)}</Link>}
      {state === MissedTriggerState.QUEUED && queuedUntil !== undefined && (
        <span className="muted">
          dropped <RelativeTime at={queuedUntil} />
        </span>
      )}
      {problem !== "" && <PlainText most={300}>{problem}</PlainText>}
    </span>
  );
}

function Replay({
  definition: { id: definitionId, name },
  ids,
  onDone,
}: {
  readonly definition: WorkflowDefinition;
  readonly ids: readonly string[];
  readonly onDone: () => void;
}) {
  const replay = useAct(
    ({ sources }, reason: string) =>
      sources.replayMissedTriggers({ definitionId, ids: [...ids], reason }),
    onDone,
  );
  const count = ids.length === 1 ? "1 trigger" : `${ids.length} triggers`;
  return (
    <ActionDialog
      title={`Start ${count}`}
      trigger={
        <button type="button" disabled={ids.length === 0}>
          {ids.length === 0 ? "Start those that are chosen" : `Start ${count}`}
        </button>
      }
      reason="required"
      isReady={ids.length > 0}
      cli={(reason) => withReason(["triggers", "replay", name, ...ids], reason)}
      act={(reason) => replay.mutateAsync(reason)}
    >
      <p>Each starts one run, by the version that is deployed now.</p>
    </ActionDialog>
  );
}
