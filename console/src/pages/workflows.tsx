/** Workflows: how each stands, what starts it and how its runs went. The filters are in the address. */
import { Fragment, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { StarterKind } from "../../../gen/workflows/ops/v1/starters_pb.ts";
import type { Workflow } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { useApi } from "../api/api.tsx";
import { useCall } from "../api/queries.ts";
import { CliLine } from "../parts/cli-line.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { ROW_LINK } from "../parts/keys.ts";
import { Loading } from "../parts/loading.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { PlainText } from "../parts/plain-text.tsx";
import { RelativeTime } from "../parts/relative-time.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { ListFilterBar } from "../parts/workflows/list-filter-bar.tsx";
import {
  isFiltered,
  type ListFilters,
  listCommandOf,
  listRequestOf,
  readListFilters,
} from "../parts/workflows/list-filters.ts";
import { LastRuns, rateWords } from "../parts/workflows/metrics.tsx";
import { NewWorkflow } from "../parts/workflows/new-dialog.tsx";
import { Flags, StatusBadge } from "../parts/workflows/status.tsx";
import { Trigger } from "../parts/workflows/trigger.tsx";
import { paths } from "../paths.ts";
import "../styles/workflows.css";

const AT_ONCE = 100;
const AT_MOST = 500;
const EVERY_MS = 10_000;

export default function WorkflowsPage() {
  const [params] = useSearchParams();
  const filters = readListFilters(params);
  const [pageSize, setPageSize] = useState(AT_ONCE);
  const { data, error, isPending, refetch } = useList(filters, pageSize);
  const workflows = data?.workflows ?? [];
  const total = data?.totalSize ?? 0;
  return (
    <>
      <PageHead
        title="Workflows"
        aside={
          <>
            <CliLine args={listCommandOf(filters)} />
            <NewWorkflow />
          </>
        }
      >
        {data && <span>{countWords(workflows.length, total)}</span>}
      </PageHead>
      <ListFilterBar
        filters={filters}
        tags={distinct(workflows.flatMap(({ definition }) => definition?.tags ?? []))}
        owners={distinct(workflows.map(({ owner }) => owner))}
        teams={distinct(workflows.map(({ team }) => team))}
      />
      {isPending ? (
        <Loading rows={8} />
      ) : data === undefined ? (
        <ErrorNote error={error} onRetry={refetch} />
      ) : workflows.length === 0 ? (
        <NoWorkflows isFiltered={isFiltered(filters)} />
      ) : (
        <Table label="Workflows" columns={columnsFor(workflows)} rows={workflows} keyOf={idOf} />
      )}
      {total > workflows.length && pageSize < AT_MOST && (
        <p className="below">
          <button type="button" onClick={() => setPageSize(AT_MOST)}>
            Show more
          </button>
        </p>
      )}
    </>
  );
}

function useList(filters: ListFilters, pageSize: number) {
  const { workspaceId } = useApi();
  return useCall(
    ["workflows", "page", workspaceId, filters, pageSize],
    ({ sources }, options) =>
      sources.list({ ...listRequestOf(filters), workspaceId, pageSize }, options),
    { everyMs: EVERY_MS, isKept: true },
  );
}

function idOf({ definition }: Workflow): string {
  return definition?.id ?? "";
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter((text) => text !== "").sort();
}

function countWords(shown: number, total: number): string {
  if (shown >= total) return `${shown} ${shown === 1 ? "workflow" : "workflows"}`;
  return `the first ${shown} of ${total} workflows`;
}

function NoWorkflows({ isFiltered: isSome }: { readonly isFiltered: boolean }) {
  if (isSome) {
    return <Empty title="No workflow matches" hint="Archived ones are shown by their status." />;
  }
  return (
    <Empty
      title="No workflow is in this workspace"
      hint="Choose a template, make one here, or publish a workflow file:"
      cli={["apply", "hello.workflow.yaml"]}
    >
      <Link href={paths.templates}>Templates</Link>
    </Empty>
  );
}

const OWNER: Column<Workflow> = {
  title: "Owner",
  cell: ({ owner }) => <PlainText most={100}>{owner}</PlainText>,
};

const COLUMNS: readonly Column<Workflow>[] = [
  { title: "Name", cell: (workflow) => <Name workflow={workflow} /> },
  { title: "Status", cell: (workflow) => <Status workflow={workflow} /> },
  { title: "Started by", cell: (workflow) => <StartedBy workflow={workflow} /> },
  OWNER,
  { title: "Last runs", cell: ({ metrics }) => <LastRuns metrics={metrics} /> },
  {
    title: "Success 30 d",
    cell: ({ metrics }) => rateWords(metrics?.successRate30d),
    isNumber: true,
  },
  { title: "Runs 7 d", cell: ({ metrics }) => String(metrics?.runs7d ?? 0), isNumber: true },
  { title: "Open", cell: (workflow) => <OpenRuns workflow={workflow} />, isNumber: true },
];

/** Where no workflow has an owner, there is no column of owners. */
function columnsFor(workflows: readonly Workflow[]): readonly Column<Workflow>[] {
  const hasOwners = workflows.some(({ owner }) => owner !== "");
  return hasOwners ? COLUMNS : COLUMNS.filter((column) => column !== OWNER);
}

/** The trigger of the version, and how many schedules and endpoints there are besides. */
function StartedBy({ workflow: { latest, starters } }: { readonly workflow: Workflow }) {
  const countOf = (wanted: StarterKind) => starters.filter(({ kind }) => kind === wanted).length;
  const more = [
    [countOf(StarterKind.SCHEDULE), "schedule"],
    [countOf(StarterKind.ENDPOINT), "endpoint"],
  ] as const;
  return (
    <span className="workflow-status">
      {latest && <Trigger type={latest.triggerType} />}
      {more.map(
        ([count, word]) =>
          count > 0 && (
            <span className="muted" key={word}>
              {count} {word}
              {count > 1 && "s"}
            </span>
          ),
      )}
    </span>
  );
}

function OpenRuns({ workflow }: { readonly workflow: Workflow }) {
  const open = Number(workflow.metrics?.openRuns ?? 0);
  if (open === 0) return "0";
  const filters = { workflow: idOf(workflow), state: "pending,running,paused,compensating" };
  return (
    <Link href={paths.runsWith(filters)}>
      {open}
      <span className="spoken"> open runs</span>
    </Link>
  );
}

function Status({ workflow: { status, statusReasons, draft } }: { readonly workflow: Workflow }) {
  return (
    <span className="workflow-status" title={statusReasons.join("\n")}>
      <StatusBadge status={status} />
      {draft !== undefined && (
        <span className="muted">
          draft <RelativeTime at={draft.savedAt} />
        </span>
      )}
    </span>
  );
}

function Name({ workflow: { definition, contains } }: { readonly workflow: Workflow }) {
  if (definition === undefined) return null;
  const { id, name, description, tags } = definition;
  return (
    <span className="workflow-name">
      <span>
        <Link href={paths.workflow(id)} {...ROW_LINK}>
          <PlainText most={200}>{name}</PlainText>
        </Link>{" "}
        <Flags contains={contains} />{" "}
        {tags.map((tag) => (
          <Fragment key={tag}>
            <span className="tag">
              <PlainText most={200}>{tag}</PlainText>
            </span>{" "}
          </Fragment>
        ))}
      </span>
      {description && (
        <span className="muted">
          <PlainText most={1_000}>{description}</PlainText>
        </span>
      )}
    </span>
  );
}
