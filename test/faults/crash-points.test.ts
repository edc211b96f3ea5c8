/** A call that dies with its replica, or whose commit is not answered, is done once: a repeat with its key shows it. */
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { type CompiledService, compileService } from "../../tools/test-service.ts";
import { until } from "../support/assertions/until.ts";
import type { PlannedFault } from "../support/faults/planned-fault.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

let service: CompiledService;
let cluster: Cluster;
let living: Replica;
beforeAll(async () => {
  service = await compileService({ entry: "test/support/faults/service-main.ts" });
  cluster = await startCluster({ compiled: service.path });
  living = await cluster.start();
});
afterAll(async () => {
  await cluster?.stop();
  await service?.remove();
});

const REPEATED_WITHIN_MS = 40_000;
const STEPS = [{ id: "a", name: "A", stepType: StepType.HUMAN_TASK }];
const faultsOf = (...faults: PlannedFault[]) => ({ TEST_FAULTS: JSON.stringify(faults) });

/** Publishes a version without a fault, then starts a run at a replica that has one, with the same key. */
async function startAt(
  name: string,
  fault: PlannedFault,
): Promise<{ ids: Set<string>; runs: number; failedWith: Code | undefined }> {
  const { definition } = await living.workflows.createDefinition({ workspaceId: "w", name });
  const definitionId = definition?.id ?? "";
  await living.workflows.publishVersion({ definitionId, steps: STEPS });
  const faulty = await cluster.start(faultsOf(fault));
  const headers = { "Idempotency-Key": name };
  const ids = new Set<string>();
  let failedWith: Code | undefined;
  for (const { workflows } of [faulty, living, living]) {
    const { run } = await until(() =>
      workflows.startRun({ definitionId }, { headers }).catch((error: unknown) => {
        if (workflows === faulty.workflows) {
          failedWith = ConnectError.from(error).code;
          return { run: undefined };
        }
        expect(error).toMatchObject({ rawMessage: expect.stringContaining("still running") });
        return undefined;
      }),
    );
    if (run !== undefined) ids.add(run.id);
  }
  const text = "select count(*)::int as n from workflow_runs where definition_id = $1";
  const [row] = await cluster.rows<{ n: number }>(text, [definitionId]);
  return { ids, runs: row?.n ?? 0, failedWith };
}

describe("a StartRun with a key", () => {
  it.each([
    { point: "batch.folded", hit: 1, mode: "kill" },
    { point: "batch.written", hit: 1, mode: "kill" },
    { point: "batch.committed", hit: 1, mode: "kill" },
    { point: "rpc.answering", hit: 1, mode: "kill" },
    { point: "rpc.answering", hit: 1, mode: "lose" },
    { point: "commit.answered", detail: "", hit: 2, mode: "lose" },
    { point: "batch.folded", hit: 1, mode: "throw" },
  ] satisfies PlannedFault[])("makes one run: $mode at $point", async (fault) => {
    const { ids, runs, failedWith } = await startAt(`${fault.mode}-${fault.point}`, fault);
    expect(ids.size).toBe(1);
    expect(runs).toBe(1);
    // A caller whose answer is lost does not wait for it until its deadline.
    expect(failedWith).not.toBe(Code.DeadlineExceeded);
  });
});

describe("a Rerun with a key", () => {
  it.each([
    { point: "batch.committed", hit: 1, mode: "kill" },
    { point: "batch.committed", hit: 2, mode: "kill" },
  ] satisfies PlannedFault[])("starts one run: $mode at $point, visit $hit", async (fault) => {
    const name = `rerun-${fault.hit}`;
    const { definition } = await living.workflows.createDefinition({ workspaceId: "w", name });
    const definitionId = definition?.id ?? "";
    await living.workflows.publishVersion({ definitionId, steps: STEPS });
    const { run } = await living.workflows.startRun({ definitionId });
    const runId = run?.id ?? "";
    await living.workflows.transitionStep({ runId, stepId: "a", state: StepRunState.FAILED });
    const { plan } = await living.runs.planRerun({ runId });
    const request = { runId, planId: plan?.id ?? "", reason: "again" };
    const headers = { "Idempotency-Key": name };
    const faulty = await cluster.start(faultsOf(fault));
    await expect(faulty.runs.rerun(request, { headers })).rejects.toThrow();
    // The key's lease ends within 5 s; the call of the dead replica is taken up within 30 s.
    const again = await until(
      () =>
        living.runs.rerun(request, { headers }).catch((error: unknown) => {
          const { code } = ConnectError.from(error);
          expect([Code.Aborted, Code.Unavailable]).toContain(code);
          return undefined;
        }),
      REPEATED_WITHIN_MS,
    );
    const text = "select id from workflow_runs where rerun->>'of' = $1";
    expect(await cluster.rows(text, [runId])).toEqual([{ id: again.run?.id }]);
  });
});
