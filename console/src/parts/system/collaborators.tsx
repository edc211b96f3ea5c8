/** The services that this one calls, and what the replica that answers is. */
import { BreakerState, type Collaborator } from "../../../../gen/workflows/ops/v1/system_pb.ts";
import { useCall } from "../../api/queries.ts";
import { lengthWords } from "../../api/times.ts";
import { Badge } from "../badge.tsx";
import { CopyId } from "../copy.tsx";
import { ErrorNote } from "../error-note.tsx";
import { Loading } from "../loading.tsx";
import { RelativeTime } from "../relative-time.tsx";
import { type Column, Table } from "../table.tsx";

const EVERY_MS = 10_000;

export function Collaborators() {
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
