/** One workflow: its graph, runs, versions and text; and a form that starts it. */
import { Play } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import type {
  GetVersionResponse,
  VersionHead,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import type {
  WorkflowDefinition,
  WorkflowVersion,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { useCall } from "../api/queries.ts";
import { useRights } from "../api/rights.ts";
import { CopyId } from "../parts/copy.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { Loading } from "../parts/loading.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { RelativeTime } from "../parts/relative-time.tsx";
import { useSearchParam } from "../parts/search-param.ts";
import { Tabs } from "../parts/tabs.tsx";
import { visibleText } from "../parts/visible-text.ts";
import { Runs } from "../parts/workflows/runs.tsx";
import { StartDialog } from "../parts/workflows/start-dialog.tsx";
import { Steps } from "../parts/workflows/steps.tsx";
import { Trigger, triggerDetail } from "../parts/workflows/trigger.tsx";
import { Source, Versions } from "../parts/workflows/versions.tsx";
import { paths } from "../paths.ts";
import "../styles/workflows.css";
import { PlainText } from "../parts/plain-text.tsx";

const START = "workflows.v1.WorkflowService/StartRun";
const EVERY_MS = 15_000;
const VERSIONS_SHOWN = 100;

const WorkflowGraph = lazy(() => import("../parts/graph/workflow-graph.tsx"));
const Compare = lazy(async () => ({
  default: (await import("../parts/workflows/compare.tsx")).Compare,
}));

export default function WorkflowPage({ id }: { readonly id: string }) {
  const [chosen] = useSearchParam("version");
  const wanted = /^\d{1,9}$/.test(chosen) ? Number(chosen) : 0;
  const workflow = useCall(
    ["workflow", id],
    ({ sources }, options) => sources.get({ id }, options),
    { everyMs: EVERY_MS },
  );
  const definition = workflow.data?.workflow?.definition;
  const hasVersion = workflow.data?.workflow?.latest !== undefined;
  const version = useCall(
    ["version", id, wanted, definition?.latestVersion ?? 0],
    ({ sources }, options) => sources.getVersion({ definitionId: id, version: wanted }, options),
    { isEnabled: hasVersion, staleMs: Number.POSITIVE_INFINITY, isKept: true },
  );
  if (definition === undefined) {
    return (
      <>
        <PageHead title="Workflow" />
        {workflow.isPending ? (
          <Loading />
        ) : (
          <ErrorNote error={workflow.error} onRetry={workflow.refetch} />
        )}
      </>
    );
  }
  return (
    <>
      <Head definition={definition} version={version.data} />
      {hasVersion ? (
        <Content definition={definition} version={version.data} error={version.error} />
      ) : (
        <Empty
          title="No version is published"
          hint="Publish a file with this name:"
          cli={["apply", `${definition.name}.workflow.yaml`]}
        />
      )}
    </>
  );
}

function Head({
  definition,
  version,
}: {
  readonly definition: WorkflowDefinition;
  readonly version: GetVersionResponse | undefined;
}) {
  const { id, name, description, tags } = definition;
  const trigger = version?.version?.trigger;
  return (
    <PageHead title={visibleText(name)} aside={<Start definition={definition} version={version} />}>
      <CopyId id={id} />
      {trigger && (
        <span className="with-icon">
          <Trigger type={trigger.triggerType} />
          <code>
            <PlainText most={500}>{triggerDetail(trigger)}</PlainText>
          </code>
        </span>
      )}
      {tags.map((tag) => (
        <Link className="tag" key={tag} href={`${paths.workflows}?${new URLSearchParams({ tag })}`}>
          <PlainText most={200}>{tag}</PlainText>
        </Link>
      ))}
      {description && <PlainText most={1_000}>{description}</PlainText>}
    </PageHead>
  );
}

/** The button, and the dialog, which the address can open: `?like=` names a run whose input it begins with. */
function Start({
  definition,
  version,
}: {
  readonly definition: WorkflowDefinition;
  readonly version: GetVersionResponse | undefined;
}) {
  const { may } = useRights();
  const [like, setLike] = useSearchParam("like");
  const [isAsked, setAsked] = useState(false);
  const earlier = useCall(
    ["run", like, "input"],
    ({ workflows }, options) => workflows.getRun({ id: like }, options),
    { isEnabled: like !== "", staleMs: Number.POSITIVE_INFINITY },
  );
  if (version === undefined || !may(START)) return null;
  const change = (isOpen: boolean) => {
    setAsked(isOpen);
    if (!isOpen && like !== "") setLike("");
  };
  const isReady = like === "" || !earlier.isPending;
  return (
    <>
      <button type="button" className="primary" onClick={() => change(true)}>
        <Play size={16} aria-hidden="true" />
        Start
      </button>
      {earlier.error && like !== "" && <ErrorNote error={earlier.error} />}
      <StartDialog
        key={like}
        definition={definition}
        version={version}
        input={like === "" ? undefined : earlier.data?.run?.inputPayload}
        isOpen={isReady && (isAsked || like !== "")}
        onOpenChange={change}
      />
    </>
  );
}

function Content({
  definition,
  version,
  error,
}: {
  readonly definition: WorkflowDefinition;
  readonly version: GetVersionResponse | undefined;
  readonly error: unknown;
}) {
  const heads = useCall(["versions", definition.id], ({ sources }, options) =>
    sources.listVersionHeads({ definitionId: definition.id, pageSize: VERSIONS_SHOWN }, options),
  );
  const versions = heads.data?.versions ?? [];
  const shown = version?.version;
  const note = error ? <ErrorNote error={error} /> : <Loading rows={8} />;
  const graph = {
    id: "graph",
    label: "Graph",
    content: shown ? <Graph version={shown} /> : note,
  };
  return (
    <>
      <VersionChoice heads={versions} version={version} />
      <Tabs
        label="About the workflow"
        tabs={[
          graph,
          {
            id: "steps",
            label: "Steps",
            count: shown?.steps.length,
            content: shown ? <Steps version={shown} /> : note,
          },
          { id: "runs", label: "Runs", content: <Runs definitionId={definition.id} /> },
          {
            id: "versions",
            label: "Versions",
            count: heads.data?.totalSize,
            content: <Versions definition={definition} heads={versions} />,
          },
          {
            id: "compare",
            label: "Compare",
            content: heads.data ? (
              <Suspense fallback={<Loading rows={8} />}>
                <Compare definition={definition} heads={versions} />
              </Suspense>
            ) : (
              <Loading rows={8} />
            ),
          },
          {
            id: "source",
            label: "Source",
            content: version ? <Source name={definition.name} version={version} /> : note,
          },
        ]}
      />
    </>
  );
}

function VersionChoice({
  heads,
  version,
}: {
  readonly heads: readonly VersionHead[];
  readonly version: GetVersionResponse | undefined;
}) {
  const [, choose] = useSearchParam("version");
  const shown = version?.version?.version;
  if (shown === undefined) return null;
  const numbers = heads.map(({ version: number }) => number);
  const all = numbers.includes(shown) ? numbers : [...numbers, shown];
  return (
    <div className="version-row">
      <label className="with-icon">
        Version
        <select value={shown} onChange={(event) => choose(event.target.value)}>
          {all.map((number, at) => (
            <option key={number} value={number}>
              {number}
              {at === 0 ? " (latest)" : ""}
            </option>
          ))}
        </select>
      </label>
      <span className="muted">
        published <RelativeTime at={version?.head?.createdAt} />
        {version?.head?.publishedBy && (
          <>
            {" by "}
            <PlainText most={200}>{version.head.publishedBy}</PlainText>
          </>
        )}
      </span>
      {version?.head?.note && (
        <q>
          <PlainText most={500}>{version.head.note}</PlainText>
        </q>
      )}
    </div>
  );
}

function Graph({ version }: { readonly version: WorkflowVersion }) {
  return (
    <Suspense fallback={<Loading rows={8} />}>
      <WorkflowGraph version={version} />
    </Suspense>
  );
}
