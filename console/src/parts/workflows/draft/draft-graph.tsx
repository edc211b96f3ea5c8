/** The graph of a version that is not stored, such as one that is simulated. */
import { lazy, Suspense } from "react";
import type { WorkflowVersion } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import { Loading } from "../../loading.tsx";

const WorkflowGraph = lazy(() => import("../../graph/workflow-graph.tsx"));

/** A version that is not stored: its layout is kept by what is drawn of it. */
export function VersionGraph({
  definitionId,
  version,
  ...more
}: Omit<Parameters<typeof WorkflowGraph>[0], "layoutKey"> & {
  readonly definitionId: string;
  readonly version: WorkflowVersion;
}) {
  return (
    <Suspense fallback={<Loading rows={8} />}>
      <WorkflowGraph
        version={version}
        layoutKey={`${definitionId}/draft-${shapeOf(version)}`}
        {...more}
      />
    </Suspense>
  );
}

const FNV_OFFSET = 0x81_1c_9d_c5;
const FNV_PRIME = 0x01_00_01_93;

/** A number for the steps and lines of a version: two that look alike have the same one. */
function shapeOf({ steps, edges }: WorkflowVersion): number {
  const lines = [
    ...steps.map(({ id, compensationStepId }) => `${id} ${compensationStepId}`),
    ...edges.map(({ fromStepId, toStepId, label }) => `${fromStepId}>${toStepId} ${label}`),
  ];
  let hash = FNV_OFFSET;
  for (const character of lines.join("\n")) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), FNV_PRIME) >>> 0;
  }
  return hash;
}
