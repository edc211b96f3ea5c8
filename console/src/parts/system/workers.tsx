/** Queues, and the workers that serve them. */
import type { Queue, Worker } from "../../../../gen/workflows/ops/v1/system_pb.ts";
import { useApi } from "../../api/api.tsx";
import { useCall } from "../../api/queries.ts";
import { lengthWords } from "../../api/times.ts";
import { Badge } from "../badge.tsx";
import { CopyId } from "../copy.tsx";
import { Empty } from "../empty.tsx";
import { ErrorNote } from "../error-note.tsx";
import { Loading } from "../loading.tsx";
import { PlainText } from "../plain-text.tsx";
import { type Column, Table } from "../table.tsx";

const EVERY_MS = 10_000;

export function Workers() {
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
  if (queues.data === undefined || workers.data === undefined) {
    return error ? <ErrorNote error={error} /> : <Loading />;
  }
  const queueColumns: Column<Queue>[] = [
    {
      title: "Queue",
      cell: ({ name }) => (
        <strong>
          <PlainText most={200}>{name}</PlainText>
        </strong>
      ),
    },
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
    { title: "Queue", cell: ({ queue }) => <PlainText most={200}>{queue}</PlainText> },
    { title: "Version", cell: ({ version }) => <PlainText most={200}>{version}</PlainText> },
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
      {workers.data.workers.length === 0 ? (
        <Empty
          title="No worker has been heard"
          hint="A worker is a program of yours that does the tasks of a queue: docs/workers.md."
        />
      ) : (
        <Table
          label="Workers"
          columns={workerColumns}
          rows={workers.data.workers}
          keyOf={({ id, queue }) => `${queue} ${id}`}
        />
      )}
    </div>
  );
}
