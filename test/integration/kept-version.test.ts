/** A run and the versions that are published while it is open. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const task = (id: string) => ({ id, name: id, stepType: StepType.HUMAN_TASK });
const line = (from: string, to: string) => ({
  steps: [task(from), task(to)],
  edges: [{ fromStepId: from, toStepId: to }],
});

it("a run goes on by its own version after the next is published, at another replica too", async () => {
  const first = await cluster.start();
  const { definition } = await first.workflows.createDefinition({
    workspaceId: "ws",
    name: "kept",
  });
  const definitionId = definition?.id ?? "";
  await first.workflows.publishVersion({ definitionId, ...line("a", "old") });
  const { run } = await first.workflows.startRun({ definitionId });
  const runId = run?.id ?? "";
  await first.workflows.publishVersion({ definitionId, ...line("a", "new") });
  // It knows none of the versions yet.
  const { workflows } = await cluster.start();
  for (const stepId of ["a", "old"]) {
    await workflows.transitionStep({ runId, stepId, state: StepRunState.COMPLETED });
  }
  const ended = (await workflows.getRun({ id: runId })).run;
  expect(ended?.state).toBe(WorkflowState.COMPLETED);
  expect(ended?.definitionVersion).toBe(1);
  expect(ended?.steps.map(({ stepId }) => stepId)).toEqual(["a", "old"]);
  const later = (await workflows.startRun({ definitionId })).run;
  expect(later?.steps.map(({ stepId }) => stepId)).toEqual(["a", "new"]);
});
