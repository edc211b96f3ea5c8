/** What waits for people, as it changes: all of it or what names the reader, by kind. The filters are in the address. */
import { useMemo, useState } from "react";
import { Link } from "wouter";
import type { InboxItem } from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { useApi } from "../../api/api.tsx";
import { useCall } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import { Badge } from "../../parts/badge.tsx";
import { CliLine } from "../../parts/cli-line.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ErrorNote } from "../../parts/error-note.tsx";
import { ROW_LINK } from "../../parts/keys.ts";
import { useLiveInbox } from "../../parts/live-inbox.tsx";
import { Liveliness } from "../../parts/liveliness.tsx";
import { Loading } from "../../parts/loading.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { PlainText } from "../../parts/plain-text.tsx";
import { RelativeTime } from "../../parts/relative-time.tsx";
import { useSearchParam } from "../../parts/search-param.ts";
import { paths } from "../../paths.ts";
import { KINDS_CHOSEN, kindWords, nameOf, riskWords, stateWords } from "./item-words.ts";
import "./inbox.css";

const AT_ONCE = 50;
const AT_MOST = 500;
const EVERY_MS = 5_000;
const DEPLOYMENTS_EVERY_MS = 15_000;

export default function InboxPage() {
  const [view, setView] = useSearchParam("view");
  const [kindId, setKind] = useSearchParam("kind");
  const [pageSize, setPageSize] = useState(AT_ONCE);
  const { workspaceId } = useApi();
  const { subject } = useRights();
  const mine = view === "mine";
  const kinds = useMemo(
    () => KINDS_CHOSEN.filter((kind) => kindWords(kind).id === kindId),
    [kindId],
  );
  const { liveness, everyMs } = useLiveInbox(EVERY_MS);
  const list = useCall(
    ["inbox", "list", workspaceId, mine, kindId, pageSize],
    ({ inbox }, options) => inbox.list({ workspaceId, mine, kinds, pageSize }, options),
    // The stream does not tell of deployments.
    { everyMs: Math.min(everyMs, DEPLOYMENTS_EVERY_MS), isKept: true },
  );
  const { items = [], totalSize = 0 } = list.data ?? {};
  const args = ["inbox", ...(mine ? ["--mine"] : []), ...(kindId === "" ? [] : ["--kind", kindId])];
  return (
    <div className="inbox">
      <PageHead title="Inbox">
        <span>What waits for people</span>
        <Liveliness liveness={liveness} heardAtMs={list.dataUpdatedAt || Date.now()} />
      </PageHead>
      <fieldset className="inbox-filters">
        <legend className="spoken">Which items</legend>
        <div className="choices">
          <Choice isOn={!mine} onChoose={() => setView("")}>
            All
          </Choice>
          <Choice isOn={mine} onChoose={() => setView("mine")}>
            {subject === "" ? "Mine" : `Mine (${subject})`}
          </Choice>
        </div>
        <div className="choices">
          <Choice isOn={kinds.length === 0} onChoose={() => setKind("")}>
            Every kind
          </Choice>
          {KINDS_CHOSEN.map((kind) => {
            const { id, word } = kindWords(kind);
            return (
              <Choice key={id} isOn={kindId === id} onChoose={() => setKind(id)}>
                {word}
              </Choice>
            );
          })}
        </div>
      </fieldset>
      {list.isError && <ErrorNote error={list.error} onRetry={() => list.refetch()} />}
      {list.data === undefined ? (
        list.isPending && <Loading />
      ) : items.length === 0 ? (
        <Empty
          title={mine ? "Nothing waits for you" : "Nothing waits for a person"}
          hint="Approvals, tasks and steps to be mended appear here."
          cli={args}
        />
      ) : (
        <>
          <ul className="inbox-list">
            {items.map((item) => (
              <Row key={item.id} item={item} />
            ))}
          </ul>
          <p className="inbox-foot">
            <span className="muted">
              {items.length} of {totalSize}
            </span>
            {totalSize > items.length && pageSize < AT_MOST && (
              <button type="button" onClick={() => setPageSize(AT_MOST)}>
                Show more
              </button>
            )}
          </p>
          <CliLine args={args} />
        </>
      )}
    </div>
  );
}

function Choice({
  isOn,
  onChoose,
  children,
}: {
  readonly isOn: boolean;
  readonly onChoose: () => void;
  readonly children: string;
}) {
  return (
    <button type="button" aria-pressed={isOn} onClick={onChoose}>
      {children}
    </button>
  );
}

function Row({ item }: { readonly item: InboxItem }) {
  const { id, kind, title, assignee, requestedBy, createdAt, dueAt, claimedBy, lastError } = item;
  const { word, icon } = kindWords(kind);
  const risk = riskWords(item.riskLevel);
  return (
    <li>
      <Link href={paths.item(id)} className="inbox-row" {...ROW_LINK}>
        <span className="inbox-title">
          <PlainText most={300}>{title}</PlainText>
        </span>
        <span className="inbox-badges">
          <Badge tone="info" icon={icon}>
            {word}
          </Badge>
          {risk !== undefined && <Badge tone={risk.tone}>{risk.word}</Badge>}
          {claimedBy !== "" && <Badge tone="idle">{stateWords(item).word}</Badge>}
        </span>
        <span className="inbox-facts">
          <span>
            {assignee === "" ? "for anybody" : "for "}
            <PlainText most={100}>{assignee}</PlainText>
          </span>
          {requestedBy !== "" && (
            <span>
              asked by <PlainText most={100}>{nameOf(requestedBy)}</PlainText>
            </span>
          )}
          <span>
            <RelativeTime at={createdAt} />
          </span>
          {dueAt !== undefined && (
            <span>
              due <RelativeTime at={dueAt} />
            </span>
          )}
        </span>
        {lastError !== "" && (
          <span className="inbox-error">
            <PlainText most={300}>{lastError}</PlainText>
          </span>
        )}
      </Link>
    </li>
  );
}
