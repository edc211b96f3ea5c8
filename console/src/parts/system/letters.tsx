/** Messages that were put aside, with what may be done about them. */
import { useState } from "react";
import { type DeadLetter, RetryOutcome } from "../../../../gen/workflows/ops/v1/dead_letters_pb.ts";
import { useApi } from "../../api/api.tsx";
import { useAct, useCall } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { ActionDialog } from "../action-dialog.tsx";
import { CopyId } from "../copy.tsx";
import { Empty } from "../empty.tsx";
import { ErrorNote } from "../error-note.tsx";
import { Loading } from "../loading.tsx";
import { PlainText } from "../plain-text.tsx";
import { RelativeTime } from "../relative-time.tsx";
import { type Column, Table } from "../table.tsx";

const EVERY_MS = 10_000;
const LETTERS_SHOWN = 100;
const LIST = "workflows.ops.v1.Runs/ListDeadLetters";
const RETRY = "workflows.ops.v1.Runs/RetryDeadLetters";
const DISCARD = "workflows.ops.v1.Runs/DiscardDeadLetters";

/** The newest letters, where the caller may see them. */
export function useLetters() {
  const { workspaceId } = useApi();
  const { may } = useRights();
  return useCall(
    ["dead-letters", workspaceId],
    ({ runs }, options) => runs.listDeadLetters({ workspaceId, pageSize: LETTERS_SHOWN }, options),
    { everyMs: EVERY_MS, isEnabled: may(LIST) },
  );
}

const OUTCOMES: Readonly<Partial<Record<RetryOutcome, string>>> = {
  [RetryOutcome.RETRIED]: "handled",
  [RetryOutcome.FAILED]: "still cannot be handled",
  [RetryOutcome.AWAY]: "not now: something is away",
  [RetryOutcome.SETTLED]: "was settled before",
};

export function Letters() {
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
    {
      title: "Subject",
      cell: ({ subject }) => (
        <code className="wrap">
          <PlainText most={500}>{subject}</PlainText>
        </code>
      ),
    },
    {
      title: "Why",
      cell: ({ id, reason, problem }) => (
        <span className="letter-why">
          <span>
            <span className="tag">{reason}</span> <PlainText most={2_000}>{problem}</PlainText>
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
