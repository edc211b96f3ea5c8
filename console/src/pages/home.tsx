/** Home: what is wrong, what waits for me, what happened last. */
import { CircleX, Hand, Inbox, type LucideIcon, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { type InboxItem, ItemKind } from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import { CheckStatus } from "../../../gen/workflows/ops/v1/system_pb.ts";
import { useApi } from "../api/api.tsx";
import { useCall } from "../api/queries.ts";
import type { Tone } from "../parts/badge.tsx";
import { Badge } from "../parts/badge.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { ROW_LINK } from "../parts/keys.ts";
import { useLiveInbox } from "../parts/live-inbox.tsx";
import { Loading } from "../parts/loading.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { RelativeTime } from "../parts/relative-time.tsx";
import type { Filters } from "../parts/runs/filters.ts";
import { RunList } from "../parts/runs/run-list.tsx";
import { useRuns } from "../parts/runs/search.ts";
import { paths } from "../paths.ts";
import "../styles/home.css";
import { PlainText } from "../parts/plain-text.tsx";

const FAILING: Filters = { outcome: "failed,timed-out,compensation-failed", since: "24h" };
const HELD: Filters = { "waiting-for": "held" };
const RETRYING: Filters = { retrying: "yes" };
const SHOWN = 5;
const RECENT = 10;
const EVERY_MS = 10_000;

export default function HomePage() {
  return (
    <>
      <PageHead title="Home" />
      <div className="tiles">
        <RunTile
          title="Failed in 24 hours"
          filters={FAILING}
          icon={CircleX}
          tone="bad"
          none="Nothing has failed"
        />
        <RunTile
          title="Held after a failure"
          filters={HELD}
          icon={Hand}
          tone="warn"
          none="No step waits for an order"
        />
        <RunTile
          title="Trying again"
          filters={RETRYING}
          icon={RotateCw}
          tone="info"
          none="No step repeats a failed attempt"
        />
        <InboxTile />
      </div>
      <Health />
      <Failing />
      <div className="home-columns">
        <Recent />
        <MyInbox />
      </div>
    </>
  );
}

function RunTile({
  title,
  filters,
  none,
  ...look
}: {
  readonly title: string;
  readonly filters: Filters;
  readonly icon: LucideIcon;
  readonly tone: Tone;
  readonly none: string;
}) {
  const { data } = useRuns(filters, SHOWN);
  const { totalSize: count, atLeast = false } = data?.counts ?? {};
  return (
    <Tile
      {...look}
      to={paths.runsWith(filters)}
      title={title}
      count={count}
      more={atLeast}
      none={none}
    />
  );
}

function InboxTile() {
  const { workspaceId, hasActor: mine } = useApi();
  const { data } = useCall(
    ["inbox", "count", workspaceId, mine],
    ({ inbox }, options) => inbox.count({ workspaceId, mine }, options),
    { everyMs: useLiveInbox(EVERY_MS).everyMs },
  );
  return (
    <Tile
      to={paths.inbox}
      title={mine ? "In my inbox" : "In the inbox"}
      count={data?.totalSize}
      icon={Inbox}
      tone="warn"
      none="Nothing waits for people"
    />
  );
}

function Tile({
  to,
  title,
  count,
  more = false,
  icon: Icon,
  tone,
  none,
}: {
  readonly to: string;
  readonly title: string;
  /** Undefined: not known yet. */
  readonly count: number | undefined;
  readonly more?: boolean;
  readonly icon: LucideIcon;
  readonly tone: Tone;
  readonly none: string;
}) {
  const isQuiet = count === 0 || count === undefined;
  return (
    <Link href={to} className="card tile" data-tone={isQuiet ? "idle" : tone}>
      <span className="tile-count">
        <Icon size={20} aria-hidden="true" />
        <span className="number">{count === undefined ? "–" : `${count}${more ? "+" : ""}`}</span>
      </span>
      <span className="tile-title">{title}</span>
      <span className="muted tile-none">{count === 0 ? none : ""}</span>
    </Link>
  );
}

/** What Doctor finds wrong, where it does. */
function Health() {
  const { workspaceId } = useApi();
  const { data } = useCall(
    ["doctor", workspaceId],
    ({ system }, options) => system.doctor({ workspaceId }, options),
    { everyMs: 30_000, staleMs: EVERY_MS },
  );
  const wrong = data?.checks.filter(({ status }) => status === CheckStatus.FAIL) ?? [];
  if (wrong.length === 0) return null;
  return (
    <div className="error-note home-health" role="status">
      <CircleX size={18} aria-hidden="true" />
      <div>
        <p className="error-title">The service has a problem</p>
        {wrong.map(({ name, sentence }) => (
          <p key={name}>{sentence}</p>
        ))}
        <Link href={paths.system}>What to do</Link>
      </div>
    </div>
  );
}

/** The newest failures, where there are any. */
function Failing() {
  const { data } = useRuns(FAILING, SHOWN);
  if (data === undefined || data.runs.length === 0) return null;
  return (
    <Section title="Failed last" to={paths.runsWith(FAILING)}>
      <RunList label="Failed runs" runs={data.runs} />
    </Section>
  );
}

function Recent() {
  const { data, error, isPending, refetch } = useRuns({}, RECENT);
  return (
    <Section title="Recent runs" to={paths.runs}>
      {isPending ? (
        <Loading rows={6} />
      ) : data === undefined ? (
        <ErrorNote error={error} onRetry={refetch} />
      ) : data.runs.length === 0 ? (
        <Empty
          title="Nothing has run in this workspace yet"
          hint="Publish a workflow file, then start it:"
          cli={["apply", "hello.workflow.yaml"]}
        />
      ) : (
        <RunList label="Recent runs" runs={data.runs} />
      )}
    </Section>
  );
}

const KINDS: Readonly<Partial<Record<ItemKind, string>>> = {
  [ItemKind.APPROVAL]: "Approval",
  [ItemKind.TASK]: "Task",
  [ItemKind.HELD]: "Held step",
};

function MyInbox() {
  const { workspaceId, hasActor: mine } = useApi();
  const { data, error, isPending, refetch } = useCall(
    ["inbox", "newest", workspaceId, mine],
    ({ inbox }, options) => inbox.list({ workspaceId, mine, pageSize: SHOWN }, options),
    { everyMs: useLiveInbox(EVERY_MS).everyMs },
  );
  return (
    <Section title={mine ? "My inbox" : "Inbox"} to={paths.inbox}>
      {isPending ? (
        <Loading />
      ) : data === undefined ? (
        <ErrorNote error={error} onRetry={refetch} />
      ) : data.items.length === 0 ? (
        <Empty title="Nothing waits for a person" />
      ) : (
        <ul className="home-items">
          {data.items.map((item) => (
            <Item key={item.id} item={item} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Item({ item }: { readonly item: InboxItem }) {
  return (
    <li>
      <Link href={paths.item(item.id)} {...ROW_LINK}>
        <PlainText most={300}>{item.title || item.stepId}</PlainText>
      </Link>
      <span className="muted">
        <Badge tone={item.kind === ItemKind.HELD ? "bad" : "warn"}>
          {KINDS[item.kind] ?? "Item"}
        </Badge>{" "}
        <RelativeTime at={item.createdAt} />
      </span>
    </li>
  );
}

function Section({
  title,
  to,
  children,
}: {
  readonly title: string;
  readonly to: string;
  readonly children: ReactNode;
}) {
  return (
    <section className="card home-section">
      <header className="card-head">
        <h2>{title}</h2>
        <Link href={to}>
          All<span className="spoken">: {title}</span>
        </Link>
      </header>
      {children}
    </section>
  );
}
