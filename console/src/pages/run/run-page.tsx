/**
 * One run: why it stands where it stands, its graph, timeline, history, data and the runs around it, as they change.
 * Boundary: lays out; what is known comes from use-run.ts (moves) and use-run-facts.ts (the rest). The open tab and step are in the address.
 */
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import type {
  StepDefinition,
  WorkflowRun,
  WorkflowVersion,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { CliLine } from "../../parts/cli-line.tsx";
import { ErrorNote } from "../../parts/error-note.tsx";
import { Loading } from "../../parts/loading.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { useWorkflowNames } from "../../parts/runs/search.ts";
import { useSearchParam } from "../../parts/search-param.ts";
import { type Tab, Tabs } from "../../parts/tabs.tsx";
import { useVersion } from "../../parts/workflows/use-version.ts";
import { Explain } from "./explain.tsx";
import { GraphTab } from "./graph-tab.tsx";
import { RunHead } from "./run-head.tsx";
import { isFinalRun, type RunPicture } from "./run-picture.ts";
import { type FollowedRun, useRun } from "./use-run.ts";
import {
  childrenByStep,
  useExplanation,
  usePicture,
  useRunHead,
  useTree,
} from "./use-run-facts.ts";
import "./run.css";

// What the first paint does not show is loaded when it is opened.
const History = lazy(async () => ({ default: (await import("./history.tsx")).History }));
const Payload = lazy(async () => ({ default: (await import("./payload.tsx")).Payload }));
const RunTree = lazy(async () => ({ default: (await import("./run-tree.tsx")).RunTree }));
const Timeline = lazy(async () => ({ default: (await import("./timeline.tsx")).Timeline }));
const StepDrawer = lazy(async () => ({
  default: (await import("./step-drawer.tsx")).StepDrawer,
}));

export default function RunPage({ id }: { readonly id: string }) {
  const head = useRunHead(id);
  const followed = useRun(id);
  const run = head.data?.run;
  const picture = usePicture(run, followed.picture);
  const version = useVersion(run?.definitionId ?? "", run?.definitionVersion ?? 0);
  const made = version.data?.version;
  // What is known stays when it is asked for again and no answer comes: the stream says that the service is away.
  if (run === undefined && head.isError) {
    return <NoRun error={head.error} onRetry={() => head.refetch()} />;
  }
  if (made === undefined && version.isError) {
    return <NoRun error={version.error} onRetry={() => version.refetch()} />;
  }
  if (run === undefined || picture === undefined || made === undefined) {
    return (
      <>
        <PageHead title="Run" />
        <Loading />
      </>
    );
  }
  return <Run key={id} run={run} version={made} picture={picture} followed={followed} />;
}

function NoRun({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => unknown }) {
  return (
    <>
      <PageHead title="Run" />
      <ErrorNote error={error} onRetry={onRetry} />
    </>
  );
}

interface RunProps {
  readonly run: WorkflowRun;
  readonly version: WorkflowVersion;
  readonly picture: RunPicture;
  readonly followed: FollowedRun;
}

function Run({ run, version, picture, followed }: RunProps) {
  const { id } = run;
  const nameOf = useWorkflowNames();
  const explanation = useExplanation(id, picture);
  const tree = useTree(id, picture, version.steps);
  const [chosen, choose] = useSearchParam("step");
  const descendants = tree.data?.descendants ?? NONE;
  const isCut = tree.data?.truncated ?? false;
  const stepNames = useMemo(
    () => new Map(version.steps.map((step) => [step.id, step.name])),
    [version],
  );
  const step = version.steps.find((each) => each.id === chosen);
  const family = descendants.length + (tree.data?.ancestors.length ?? 0);
  const shared = { picture, chosen, onChoose: choose };
  const tabs: Tab[] = [
    {
      id: "graph",
      label: "Graph",
      content: (
        <GraphTab {...shared} {...{ runId: id, version, explanation, descendants, isCut }} />
      ),
    },
    {
      id: "timeline",
      label: "Timeline",
      content: opened(<Timeline {...shared} names={stepNames} />),
    },
    {
      id: "history",
      label: "History",
      count: picture.seq > 0 ? picture.seq : undefined,
      content:
        followed.picture === undefined ? <Loading /> : opened(<History runId={id} {...shared} />),
    },
    { id: "data", label: "Data", content: opened(<Data runId={id} state={picture.state} />) },
    {
      id: "runs",
      label: "Related runs",
      count: family > 0 ? family : undefined,
      content: opened(<Related tree={tree} nameOf={nameOf} />),
    },
  ];
  return (
    <div className="run">
      <RunHead
        {...{ run, version, picture, followed }}
        name={nameOf(run.definitionId)}
        environment={explanation?.environment ?? ""}
      />
      {explanation !== undefined && <Explain explanation={explanation} onChoose={choose} />}
      <div className={step === undefined ? "run-body" : "run-body has-drawer"}>
        <div className="run-main">
          <Tabs label="Views of the run" tabs={tabs} />
        </div>
        {step !== undefined && (
          <Suspense fallback={null}>
            <StepDrawer
              runId={id}
              step={step}
              picture={picture.steps.get(step.id)}
              waits={explanation?.waits.filter(({ stepId }) => stepId === step.id) ?? []}
              childRuns={childrenByStep(id, descendants).get(step.id) ?? NONE}
              undoes={undoneBy(step.id, version.steps)}
              isRunOver={isFinalRun(picture.state)}
              onChoose={choose}
              onClose={() => choose("")}
            />
          </Suspense>
        )}
      </div>
    </div>
  );
}

const NONE: never[] = [];

function undoneBy(stepId: string, steps: readonly StepDefinition[]): string[] {
  return steps.filter((step) => step.compensationStepId === stepId).map(({ id }) => id);
}

function Data({ runId, state }: { readonly runId: string; readonly state: number }) {
  const props = { runId, stepId: "", version: state };
  return (
    <div className="card card-body">
      <Payload {...props} kind="input" />
      <Payload {...props} kind="output" />
      <CliLine args={["runs", runId, "--json"]} />
    </div>
  );
}

function Related({
  tree,
  nameOf,
}: {
  readonly tree: ReturnType<typeof useTree>;
  readonly nameOf: (definitionId: string) => string;
}) {
  if (tree.data === undefined) {
    if (!tree.isError) return <Loading />;
    return <ErrorNote error={tree.error} onRetry={() => tree.refetch()} />;
  }
  return <RunTree tree={tree.data} nameOf={nameOf} />;
}

function opened(content: ReactNode): ReactNode {
  return <Suspense fallback={<Loading />}>{content}</Suspense>;
}
