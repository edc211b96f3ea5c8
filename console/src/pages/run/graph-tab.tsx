/** The graph of a run: the version it goes by, with how it stands at each step. */
import { lazy, Suspense, useMemo, useState } from "react";
import type { Explanation, RunNode } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { WorkflowVersion } from "../../../../gen/workflows/v1/workflows_pb.ts";
import { Empty } from "../../parts/empty.tsx";
import { linkStatesOf } from "../../parts/graph/edge-states.ts";
import { modelOf } from "../../parts/graph/graph-model.ts";
import { Loading } from "../../parts/loading.tsx";
import { createNodeFacts } from "./node-facts-of.ts";
import { isFinalStep, type RunPicture } from "./run-picture.ts";

const WorkflowGraph = lazy(() => import("../../parts/graph/workflow-graph.tsx"));

export function GraphTab({
  runId,
  version,
  picture,
  explanation,
  descendants,
  isCut,
  chosen,
  onChoose,
}: {
  readonly runId: string;
  readonly version: WorkflowVersion;
  readonly picture: RunPicture;
  readonly explanation: Explanation | undefined;
  readonly descendants: readonly RunNode[];
  /** There are more descendants. */
  readonly isCut: boolean;
  readonly chosen: string;
  readonly onChoose: (stepId: string) => void;
}) {
  const model = useMemo(() => modelOf(version.steps, version.edges), [version]);
  const edges = explanation?.edges;
  const linkStates = useMemo(() => linkStatesOf(model, edges ?? []), [model, edges]);
  const [factsOf] = useState(createNodeFacts);
  const facts = useMemo(
    () => factsOf(picture, explanation, descendants, runId, isCut),
    [factsOf, picture, explanation, descendants, runId, isCut],
  );
  if (version.steps.length === 0) {
    return (
      <Empty
        title="The version is too large to be drawn"
        hint="Timeline and history show the run."
      />
    );
  }
  return (
    <div className="run-graph">
      <Suspense fallback={<Loading />}>
        <WorkflowGraph
          version={version}
          facts={facts}
          linkStates={linkStates}
          chosen={chosen}
          {...focusOf(picture)}
          onChoose={onChoose}
        />
      </Suspense>
      <p className="legend">
        <span className="legend-taken">taken</span>
        <span className="legend-dead">not taken</span>
        <span className="legend-open">open</span>
      </p>
    </div>
  );
}

/** The first open step. */
function focusOf({ steps }: RunPicture): { readonly focus?: string } {
  for (const { id, state, attempts } of steps.values()) {
    if (attempts.length > 0 && !isFinalStep(state)) return { focus: id };
  }
  return {};
}
