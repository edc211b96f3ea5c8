/** One workflow: how it stands, its draft, versions and deployments, what starts it, its runs; and a form that starts one. */
import { Play } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Link } from "wouter";
import type {
  GetVersionResponse,
  VersionHead,
  Workflow,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import type { WorkflowDefinition } from "../../../gen/workflows/v1/workflows_pb.ts";
import { actorWords, throughWords } from "../api/names.ts";
import { useCall } from "../api/queries.ts";
import { useRights } from "../api/rights.ts";
import { CopyId } from "../parts/copy.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { Loading } from "../parts/loading.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { PlainText } from "../parts/plain-text.tsx";
import { RelativeTime } from "../parts/relative-time.tsx";
import { useSearchParam } from "../parts/search-param.ts";
import { type Tab, Tabs } from "../parts/tabs.tsx";
import { visibleText } from "../parts/visible-text.ts";
import { PauseButton } from "../parts/workflows/pause.tsx";
import { Runs } from "../parts/workflows/runs.tsx";
import { StartDialog } from "../parts/workflows/start-dialog.tsx";
import { Flags, StatusBadge } from "../parts/workflows/status.tsx";
import { StatusNote } from "../parts/workflows/status-note.tsx";
import { Steps } from "../parts/workflows/steps.tsx";
import { Trigger, triggerDetail } from "../parts/workflows/trigger.tsx";
import { Source, Versions } from "../parts/workflows/versions.tsx";
import { paths } from "../paths.ts";
import "../styles/workflows.css";

const START = "workflows.v1.WorkflowService/StartRun";
const EVERY_MS = 15_000;
const VERSIONS_SHOWN = 100;

const WorkflowGraph = lazy(() => import("../parts/graph/workflow-graph.tsx"));
const Compare = lazy(async () => ({
  default: (await import("../parts/workflows/compare.tsx")).Compare,
}));
const DraftTab = lazy(async () => ({
  default: (await import("../parts/workflows/draft/draft-tab.tsx")).DraftTab,
}));
const DeploymentsTab = lazy(async () => ({
  default: (await import("../parts/workflows/deployments/deployments-tab.tsx")).DeploymentsTab,
}));
const TriggersTab = lazy(async () => ({
  default: (await import("../parts/workflows/triggers/triggers-tab.tsx")).TriggersTab,
}));
const StatisticsTab = lazy(async () => ({
  default: (await import("../parts/workflows/statistics/statistics-tab.tsx")).StatisticsTab,
}));
const SimulateTab = lazy(async () => ({
  default: (await import("../parts/workflows/simulate/simulate-tab.tsx")).SimulateTab,
}));
const SettingsTab = lazy(async () => ({
  default: (await import("../parts/workflows/settings-tab.tsx")).SettingsTab,
}));

export default function WorkflowPage({ id }: { readonly id: string }) {
  const [chosen] = useSearchParam("version");
  const wanted = /^\d{1,9}$/.test(chosen) ? Number(chosen) : 0;
  const workflow = useCall(
    ["workflow", id],
    ({ sources }, options) => sources.get({ id }, options),
    { everyMs: EVERY_MS },
  );
  const shown = workflow.data?.workflow;
  const definition = shown?.definition;
  const heads = useCall(["versions", id], ({ sources }, options) =>
    sources.listVersionHeads({ definitionId: id, pageSize: VERSIONS_SHOWN }, options),
  );
  const versions = heads.data?.versions ?? [];
  // Without a choice: what production starts; else what was published last.
  const number = wanted || definition?.latestVersion || versions[0]?.version || 0;
  const version = useCall(
    ["version", id, number],
    ({ sources }, options) => sources.getVersion({ definitionId: id, version: number }, options),
    { isEnabled: number > 0, staleMs: Number.POSITIVE_INFINITY, isKept: true },
  );
  if (shown === undefined || definition === undefined) {
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
      <Head workflow={shown} definition={definition} version={version.data} />
      <StatusNote workflow={shown} />
      {heads.data === undefined ? (
        heads.isPending ? (
          <Loading rows={8} />
        ) : (
          <ErrorNote error={heads.error} onRetry={heads.refetch} />
        )
      ) : (
        <Content
          workflow={shown}
          definition={definition}
          heads={versions}
          versionCount={heads.data.totalSize}
          version={version.data}
          error={version.error}
        />
      )}
    </>
  );
}

function Head({
  workflow: { status, contains, owner, team, pause, archivedAt },
  definition,
  version,
}: {
  readonly workflow: Workflow;
  readonly definition: WorkflowDefinition;
  readonly version: GetVersionResponse | undefined;
}) {
  const { id, name, description, tags } = definition;
  const trigger = version?.version?.trigger;
  const people = [owner, team].filter((text) => text !== "").join(", ");
  return (
    <PageHead
      title={visibleText(name)}
      aside={
        archivedAt === undefined && (
          <>
            <PauseButton definition={definition} pause={pause} />
            <Start definition={definition} version={version} />
          </>
        )
      }
    >
      <StatusBadge status={status} />
      <Flags contains={contains} />
      <CopyId id={id} />
      {trigger && (
        <span className="with-icon">
          <Trigger type={trigger.triggerType} />
          <code>
            <PlainText most={500}>{triggerDetail(trigger)}</PlainText>
          </code>
        </span>
      )}
      {people !== "" && <PlainText most={200}>{people}</PlainText>}
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
  workflow,
  definition,
  heads,
  versionCount,
  version,
  error,
}: {
  readonly workflow: Workflow;
  readonly definition: WorkflowDefinition;
  /** The newest ones. */
  readonly heads: readonly VersionHead[];
  readonly versionCount: number;
  readonly version: GetVersionResponse | undefined;
  readonly error: unknown;
}) {
  // Here, for with its first version the page gets other tabs.
  const [published, setPublished] = useState(0);
  const shown = version?.version;
  const note = error ? <ErrorNote error={error} /> : <Loading rows={8} />;
  const draft = tab(
    "draft",
    "Draft",
    <DraftTab definition={definition} newest={heads[0]?.version ?? 0} onPublished={setPublished} />,
  );
  const settings = tab("settings", "Settings", <SettingsTab workflow={workflow} />);
  const simulate = tab(
    "simulate",
    "Simulate",
    <SimulateTab key={definition.id} definition={definition} heads={heads} />,
  );
  if (versionCount === 0) {
    return <Tabs label="About the workflow" tabs={[draft, simulate, settings]} />;
  }
  return (
    <>
      {published > 0 && <PublishedNote id={definition.id} version={published} />}
      <VersionChoice heads={heads} deployed={definition.latestVersion} version={version} />
      <Tabs
        label="About the workflow"
        tabs={[
          tab(
            "graph",
            "Graph",
            <div className="workflow-graph">
              {shown ? <WorkflowGraph version={shown} /> : note}
            </div>,
          ),
          draft,
          { id: "runs", label: "Runs", content: <Runs definitionId={definition.id} /> },
          tab(
            "deployments",
            "Deployments",
            <DeploymentsTab definition={definition} heads={heads} />,
          ),
          tab("triggers", "Triggers", <TriggersTab workflow={workflow} version={version} />),
          tab("statistics", "Statistics", <StatisticsTab workflow={workflow} />),
          simulate,
          {
            id: "versions",
            label: "Versions",
            count: versionCount,
            content: <Versions definition={definition} heads={heads} />,
          },
          tab("compare", "Compare", <Compare definition={definition} heads={heads} />),
          {
            id: "steps",
            label: "Steps",
            count: shown?.steps.length,
            content: shown ? <Steps version={shown} /> : note,
          },
          {
            id: "source",
            label: "Source",
            content: version ? <Source name={definition.name} version={version} /> : note,
          },
          settings,
        ]}
      />
    </>
  );
}

function PublishedNote({ id, version }: { readonly id: string; readonly version: number }) {
  return (
    <p className="done-note" role="status">
      Version {version} is published.{" "}
      <Link href={paths.workflowTab(id, "deployments")}>See where versions are deployed</Link>
    </p>
  );
}

/** A tab whose content is loaded when it is opened. */
function tab(id: string, label: string, content: ReactNode): Tab {
  return { id, label, content: <Suspense fallback={<Loading rows={8} />}>{content}</Suspense> };
}

function versionWords(isNewest: boolean, isDeployed: boolean): string {
  const words = [isNewest ? "newest" : "", isDeployed ? "in production" : ""].filter(Boolean);
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function VersionChoice({
  heads,
  deployed,
  version,
}: {
  readonly heads: readonly VersionHead[];
  /** In production; 0: none is. */
  readonly deployed: number;
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
              {versionWords(at === 0, number === deployed)}
            </option>
          ))}
        </select>
      </label>
      <span className="muted">
        published <RelativeTime at={version?.head?.createdAt} />
        {version?.head?.publishedBy && (
          <>
            {" by "}
            <PlainText most={200}>{actorWords(version.head.publishedBy)}</PlainText>
            {throughWords(version.head.publishedVia)}
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
