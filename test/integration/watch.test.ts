/**
 * Runs.Watch over two replicas: commits of either come once and in order, also through a kill -9 of the one that is watched.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; each replica is a process of its own.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Move } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const STEPS = Array.from({ length: 20 }, (_, n) => `s${n}`);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

async function startRun({ workflows }: Replica): Promise<string> {
  const { definition } = await workflows.createDefinition({ workspaceId: "ws", name: "chain" });
  const definitionId = definition?.id ?? "";
  const steps = STEPS.map((id) => ({
    id,
    stepType: StepType.HUMAN_TASK,
    config: { instructions: id },
  }));
  const edges = STEPS.slice(1).map((toStepId, at) => ({ fromStepId: STEPS[at] ?? "", toStepId }));
  await workflows.publishVersion({ definitionId, steps, edges });
  return (await workflows.startRun({ definitionId })).run?.id ?? "";
}

it("shows every move once, in order, through a kill -9 of the replica that is watched", async () => {
  const [first, second] = [await cluster.start(), await cluster.start()];
  const runId = await startRun(first);
  const seen: Move[] = [];
  let after = "";
  const watch = async (replica: Replica, onMove: (move: Move) => Promise<unknown>) => {
    for await (const { cursor, move } of replica.runs.watch(
      { runId, after },
      { timeoutMs: 60_000 },
    )) {
      after = cursor;
      if (move === undefined) continue;
      seen.push(move);
      await onMove(move);
    }
  };
  // One step for each move, at either replica in turn.
  const goOn = (replicas: readonly Replica[]) => async () => {
    const stepId = STEPS[seen.length - 1];
    const replica = replicas[seen.length % replicas.length];
    if (stepId === undefined || replica === undefined) return;
    await replica.workflows.transitionStep({ runId, stepId, state: StepRunState.COMPLETED });
  };
  await watch(first, async () => {
    if (seen.length === 8) await first.kill();
    else await goOn([first, second])();
  }).catch(() => undefined);
  expect(seen).toHaveLength(8);
  await goOn([second])();
  await watch(second, goOn([second]));
  const { moves } = await second.runs.getHistory({ runId, pageSize: 500 });
  expect(seen).toEqual(moves);
  expect(seen).toHaveLength(STEPS.length + 1);
});
