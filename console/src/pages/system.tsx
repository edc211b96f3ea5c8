/** System: what is wrong, who works, and what was put aside. */
import { useState } from "react";
import type { DeadLetter } from "../../../gen/workflows/ops/v1/dead_letters_pb.ts";
import { RetryOutcome } from "../../../gen/workflows/ops/v1/dead_letters_pb.ts";
import {
  BreakerState,
  type Check,
  type Collaborator,
  type Queue,
  type Worker,
} from "../../../gen/workflows/ops/v1/system_pb.ts";
import { useApi } from "../api/api.tsx";
import { useAct, useCall } from "../api/queries.ts";
import { useRights } from "../api/rights.ts";
import { lengthWords } from "../api/times.ts";
import { ActionDialog } from "../parts/action-dialog.tsx";
import { Badge } from "../parts/badge.tsx";
import { CliLine } from "../parts/cli-line.tsx";
import { CopyId } from "../parts/copy.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { LiveNote } from "../parts/live-note.tsx";
import { Loading } from "../parts/loading.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { RelativeTime } from "../parts/relative-time.tsx";
import { CheckState } from "../parts/state-badge.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Tabs } from "../parts/tabs.tsx";
import "../styles/system.css";

const EVERY_MS = 10_000;
const LETTERS_SHOWN = 100;
const RETRY = "workflows.ops.v1.Runs/RetryDeadLetters";
const DISCARD = "workflows.ops.v1.Runs/DiscardDeadLetters";

export default function SystemPage() {
  const { workspaceId } = useApi();
  const doctor = useCall(
    ["doctor", workspaceId],
    ({ system }, options) => system.doctor({ workspaceId }, options),
    { everyMs: EVERY_MS },
  );
  const letters = useLetters();
  const isAsked = doctor.dataUpdatedAt > 0;
  return (
    <>
      <PageHead title="System" aside={<CliLine args={["doctor"]} />}>
        {doctor.data && <CheckState status={doctor.data.status} />}
        {isAsked && <LiveNote isLive={false} asOf={new Date(doctor.dataUpdatedAt)} />}
      </PageHead>
      <Tabs
        label="About the service"
        tabs={[
          {
            id: "doctor",
            label: "Doctor",
            content: <Checks {...doctor} checks={doctor.data?.checks} />,
          },
          { id: "workers", label: "Queues and workers", content: <Workers /> },
          {
            id: "dead-letters",
            label: "Dead letters",
            count: letters.data?.totalSize,
            content: <Letters />,
          },
          { id: "collaborators", label: "Collaborators", content: <Collaborators /> },
        ]}
      />
    </>
  );
}

function Checks({
  checks,
  error,
  refetch,
}: {
  readonly checks: readonly Check[] | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}) {
  if (checks === undefined) {
    return error ? <ErrorNote error={error} onRetry={refetch} /> : <Loading />;
  }
  const columns: Column<Check>[] = [
    { title: "Check", cell: ({ name }) => <strong>{name.replace(":", ": ")}</strong> },
    { title: "State", cell: ({ status }) => <CheckState status={status} /> },
    { title: "Found", cell: ({ sentence }) => sentence },
    { title: "What to do", cell: ({ action }) => action },
  ];
  // What is wrong comes first.
  const sorted = checks.toSorted((a, b) => b.status - a.status);
  return <Table label="Checks" columns={columns} rows={sorted} keyOf={({ name }) => name} />;
}

function Workers() {
  const { workspaceId } = useApi();
  const queues = useCall(
    ["queues", workspaceId],
    ({ system }, options) => system.listQueues({ workspaceId }, options),
    { everyMs: EVERY_MS },
  );
  const workers = useCall(
    ["workers", workspaceId],
    ({ system }, options) => system.listWorkers({ workspaceId }, options),
    { everyMs: EVERY_MS },
  );
  const error = queues.error ?? workers.error;
  if (error) return <ErrorNote error={error} />;
  if (queues.data === undefined || workers.data === undefined) return <Loading />;
  const queueColumns: Column<Queue>[] = [
    { title: "Queue", cell: ({ name }) => <strong dir="auto">{name}</strong> },
    {
      title: "Tasks that wait",
      cell: ({ messages }) => (queues.data.tasksUnknown ? "not known" : String(messages)),
      isNumber: true,
    },
    {
      title: "Oldest",
      cell: ({ oldestSeconds: age }) => (age > 0 ? lengthWords(age * 1_000) : ""),
      isNumber: true,
    },
    { title: "Workers", cell: ({ workers: count }) => count, isNumber: true },
    {
      title: "Running",
      cell: ({ running, concurrency }) => `${running} of ${concurrency}`,
      isNumber: true,
    },
    {
      title: "",
      cell: ({ workers: count, messages }) =>
        count === 0 && messages > 0n ? <Badge tone="bad">Nobody serves it</Badge> : null,
    },
  ];
  const workerColumns: Column<Worker>[] = [
    { title: "Worker", cell: ({ id }) => <CopyId id={id} /> },
    { title: "Queue", cell: ({ queue }) => <span dir="auto">{queue}</span> },
    {
      title: "Running",
      cell: ({ running, concurrency }) => `${running} of ${concurrency}`,
      isNumber: true,
    },
    {
      title: "Heard",
      cell: ({ silentSeconds }) => `${lengthWords(silentSeconds * 1_000)} ago`,
      isNumber: true,
    },
  ];
  if (queues.data.queues.length === 0 && workers.data.workers.length === 0) {
    return (
      <Empty
        title="No queue has tasks or workers"
        hint="A step with config.queue is done by a worker, a program of yours: docs/workers.md."
      />
    );
  }
  return (
    <div className="stack">
      <Table
        label="Queues"
        columns={queueColumns}
        rows={queues.data.queues}
        keyOf={({ name }) => name}
      />
      <Table
        label="Workers"
        columns={workerColumns}
        rows={workers.data.workers}
        keyOf={({ id, queue }) => `${queue} ${id}`}
      />
    </div>
  );
}

function useLetters() {
  const { workspaceId } = useApi();
  const { may } = useRights();
  return useCall(
    ["dead-letters", workspaceId],
    ({ runs }, options) => runs.listDeadLetters({ workspaceId, pageSize: LETTERS_SHOWN }, options),
    { everyMs: EVERY_MS, isEnabled: may("workflows.ops.v1.Runs/ListDeadLetters") },
  );
}

const OUTCOMES: Readonly<Partial<Record<RetryOutcome, string>>> = {
  [RetryOutcome.RETRIED]: "handled",
  [RetryOutcome.FAILED]: "still cannot be handled",
  [RetryOutcome.AWAY]: "not now: something is away",
  [RetryOutcome.SETTLED]: "was settled before",
};

function Letters() {
  const { data, error, isPending, isEnabled, refetch } = useLetters();
  const { may } = useRights();
  const [said, setSaid] = useState<Readonly<Record<string, string>>>({});
  const retry = useAct(({ runs }, request: { ids: string[]; reason: string }) =>
    runs.retryDeadLetters(request),
  );
  const discard = useAct(({ runs }, request: { ids: string[]; reason: string }) =>
    runs.discardDeadLetters(request),
  );
  const retryAll = async (ids: string[], reason: string) => {
    const { results } = await retry.mutateAsync({ ids, reason });
    const words = results.map(({ id, outcome, problem }) => [
      id,
      [OUTCOMES[outcome] ?? "", problem].filter((part) => part !== "").join(": "),
    ]);
    setSaid((old) => ({ ...old, ...Object.fromEntries(words) }));
  };
  if (!isEnabled) return <Empty title="You may not see dead letters" />;
  if (isPending) return <Loading />;
  if (data === undefined) return <ErrorNote error={error} onRetry={refetch} />;
  const { deadLetters, totalSize } = data;
  if (deadLetters.length === 0) {
    return (
      <Empty title="No message was put aside" hint="Messages that cannot be handled go here." />
    );
  }
  const columns: Column<DeadLetter>[] = [
    { title: "Message", cell: ({ id }) => <CopyId id={id} /> },
    { title: "Subject", cell: ({ subject }) => <code className="wrap">{subject}</code> },
    {
      title: "Why",
      cell: ({ id, reason, problem }) => (
        <span className="letter-why">
          <span>
            <span className="tag">{reason}</span> <span dir="auto">{problem}</span>
          </span>
          {said[id] && <span role="status">Retry: {said[id]}</span>}
        </span>
      ),
    },
    { title: "Put aside", cell: ({ putAsideAt }) => <RelativeTime at={putAsideAt} /> },
    {
      title: "",
      cell: ({ id }) => (
        <span className="letter-acts">
          {may(RETRY) && (
            <ActionDialog
              title="Retry the message"
              trigger={<button type="button">Retry</button>}
              reason="optional"
              cli={() => ["dlq", "retry", id]}
              act={(reason) => retryAll([id], reason)}
            >
              <p>
                <code>{id}</code> is handled again. It stays here when that fails.
              </p>
            </ActionDialog>
          )}
          {may(DISCARD) && (
            <ActionDialog
              title="Discard the message"
              trigger={<button type="button">Discard</button>}
              isDestructive
              reason="required"
              cli={(reason) => ["dlq", "discard", id, "--reason", reason]}
              act={(reason) => discard.mutateAsync({ ids: [id], reason })}
            >
              <p>
                <code>{id}</code> is never handled.
              </p>
            </ActionDialog>
          )}
        </span>
      ),
    },
  ];
  const ids = deadLetters.map(({ id }) => id);
  return (
    <div className="stack">
      <div className="version-row">
        {totalSize > deadLetters.length && (
          <span>
            the newest {deadLetters.length} of {totalSize}
          </span>
        )}
        {may(RETRY) && ids.length > 1 && (
          <ActionDialog
            title={`Retry ${ids.length} messages`}
            trigger={<button type="button">Retry all that are shown</button>}
            confirmWord={String(ids.length)}
            reason="optional"
            act={(reason) => retryAll(ids, reason)}
          >
            <p>Each message is handled again. Those that fail stay here.</p>
          </ActionDialog>
        )}
      </div>
      <Table label="Dead letters" columns={columns} rows={deadLetters} keyOf={({ id }) => id} />
    </div>
  );
}

function Collaborators() {
  const { data, error, refetch } = useCall(
    ["system"],
    ({ system }, options) => system.get({}, options),
    { everyMs: EVERY_MS },
  );
  if (data?.system === undefined) {
    return error ? <ErrorNote error={error} onRetry={refetch} /> : <Loading />;
  }
  const { version, replicaId, startedAt, features, limits, collaborators } = data.system;
  const columns: Column<Collaborator>[] = [
    { title: "Service", cell: ({ name }) => <strong>{name}</strong> },
    { title: "State", cell: (each) => <Reached {...each} /> },
    {
      title: "Setting",
      cell: ({ name }) => <code>{`${name.toUpperCase()}_URL`}</code>,
    },
  ];
  return (
    <div className="stack">
      <Table
        label="Collaborators"
        columns={columns}
        rows={collaborators}
        keyOf={({ name }) => name}
      />
      <dl className="facts">
        <dt>Version</dt>
        <dd>{version}</dd>
        <dt>Replica</dt>
        <dd>
          <CopyId id={replicaId} /> started <RelativeTime at={startedAt} />
        </dd>
        <dt>Switched on</dt>
        <dd>{features.length === 0 ? "nothing besides" : features.join(", ")}</dd>
        <dt>Ended runs are kept for</dt>
        <dd>
          {(limits?.retentionDays ?? 0) === 0 ? "ever" : `${limits?.retentionDays ?? 0} days`}
        </dd>
      </dl>
    </div>
  );
}

function Reached({
  configured,
  builtIn,
  breaker,
  retryInSeconds,
}: Pick<Collaborator, "configured" | "builtIn" | "breaker" | "retryInSeconds">) {
  if (!configured) return <Badge tone="idle">Not configured</Badge>;
  if (breaker === BreakerState.OPEN) {
    return <Badge tone="bad">{`Away, next call in ${lengthWords(retryInSeconds * 1_000)}`}</Badge>;
  }
  return <Badge tone="ok">{builtIn ? "Built in" : "Calls are sent"}</Badge>;
}
