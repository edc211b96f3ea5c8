/** Workflows: by name and tag, with what starts each and how its last runs went. */
import { useMemo } from "react";
import { Link } from "wouter";
import type { Workflow } from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowRun } from "../../../gen/workflows/v1/workflows_pb.ts";
import { useApi } from "../api/api.tsx";
import { useCall } from "../api/queries.ts";
import { CliLine } from "../parts/cli-line.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { ROW_LINK } from "../parts/keys.ts";
import { Loading } from "../parts/loading.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { RelativeTime } from "../parts/relative-time.tsx";
import { useWorkflows } from "../parts/runs/search.ts";
import { useSearchParam } from "../parts/search-param.ts";
import { type Column, Table } from "../parts/table.tsx";
import { RunStrip } from "../parts/workflows/strip.tsx";
import { Trigger } from "../parts/workflows/trigger.tsx";
import { paths } from "../paths.ts";
import "../styles/workflows.css";
import { PlainText } from "../parts/plain-text.tsx";

/** The newest runs of the workspace, of which each workflow shows its own. */
const RUNS = 500;
const EVERY_MS = 10_000;

export default function WorkflowsPage() {
  const [text, setText] = useSearchParam("q");
  const [tag, setTag] = useSearchParam("tag");
  const { data, error, isPending, refetch } = useWorkflows(text);
  const all = data?.workflows ?? [];
  const tags = [...new Set(all.flatMap(({ definition }) => definition?.tags ?? []))].sort();
  const shown = all.filter(({ definition }) => tag === "" || definition?.tags.includes(tag));
  return (
    <>
      <PageHead title="Workflows" aside={<CliLine args={["apply", "FILE"]} />}>
        {data && <span>{countWords(shown.length, data.totalSize, tag !== "")}</span>}
      </PageHead>
      <div className="workflows-search">
        <input
          type="search"
          aria-label="Part of the name"
          placeholder="Part of the name"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Tags tags={tags} on={tag} onSet={setTag} />
      </div>
      {isPending ? (
        <Loading rows={8} />
      ) : data === undefined ? (
        <ErrorNote error={error} onRetry={refetch} />
      ) : shown.length === 0 ? (
        <NoWorkflows isFiltered={text !== "" || tag !== ""} />
      ) : (
        <Rows workflows={shown} />
      )}
    </>
  );
}

function countWords(shown: number, total: number, isTagged: boolean): string {
  if (isTagged || shown === total) return `${shown} ${shown === 1 ? "workflow" : "workflows"}`;
  return `the newest ${shown} of ${total} workflows`;
}

function Tags({
  tags,
  on,
  onSet,
}: {
  readonly tags: readonly string[];
  readonly on: string;
  readonly onSet: (tag: string) => void;
}) {
  const shown = on === "" || tags.includes(on) ? tags : [...tags, on];
  if (shown.length === 0) return null;
  return (
    <fieldset className="chips">
      <legend className="spoken">Tags</legend>
      {shown.map((tag) => (
        <button
          type="button"
          key={tag}
          className="chip"
          data-tone="info"
          aria-pressed={tag === on}
          onClick={() => onSet(tag === on ? "" : tag)}
        >
          <PlainText most={200}>{tag}</PlainText>
        </button>
      ))}
    </fieldset>
  );
}

function NoWorkflows({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No workflow has this name or tag" />;
  return (
    <Empty
      title="No workflow is published in this workspace"
      hint="Write a workflow file, then publish it:"
      cli={["apply", "hello.workflow.yaml"]}
    />
  );
}

function Rows({ workflows }: { readonly workflows: readonly Workflow[] }) {
  const { workspaceId } = useApi();
  const { data } = useCall(
    ["runs", "strips", workspaceId],
    ({ runs }, options) => runs.search({ workspaceId, pageSize: RUNS }, options),
    { everyMs: EVERY_MS },
  );
  const runsOf = useMemo(() => {
    const byDefinition = new Map<string, WorkflowRun[]>();
    for (const run of data?.runs ?? []) {
      const found = byDefinition.get(run.definitionId);
      if (found === undefined) byDefinition.set(run.definitionId, [run]);
      else found.push(run);
    }
    return byDefinition;
  }, [data]);
  const columns: Column<Workflow>[] = [
    { title: "Name", cell: ({ definition }) => definition && <Name {...definition} /> },
    { title: "Started by", cell: ({ latest }) => latest && <Trigger type={latest.triggerType} /> },
    { title: "Version", cell: ({ latest }) => latest?.version ?? "none", isNumber: true },
    { title: "Published", cell: ({ latest }) => <RelativeTime at={latest?.createdAt} /> },
    {
      title: "Last runs",
      cell: ({ definition }) => <RunStrip runs={runsOf.get(definition?.id ?? "") ?? []} />,
    },
  ];
  return (
    <Table
      label="Workflows"
      columns={columns}
      rows={workflows}
      keyOf={({ definition }) => definition?.id ?? ""}
    />
  );
}

function Name({
  id,
  name,
  description,
  tags,
}: {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
}) {
  return (
    <span className="workflow-name">
      <span>
        <Link href={paths.workflow(id)} {...ROW_LINK}>
          <PlainText most={200}>{name}</PlainText>
        </Link>{" "}
        {tags.map((tag) => (
          <span className="tag" key={tag}>
            <PlainText most={200}>{tag}</PlainText>
          </span>
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
