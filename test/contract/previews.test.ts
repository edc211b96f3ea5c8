/** PreviewCancel and PreviewCompensation: what they say is what CancelRun and CompensateRun do. */
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeptReason } from "../../gen/workflows/ops/v1/previews_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const { COMPLETED, WAITING, RUNNING } = StepRunState;
const task = (id: string, more = {}) => ({ id, name: id, stepType: StepType.HUMAN_TASK, ...more });
const undone = (id: string) => [task(id, { compensationStepId: `undo_${id}` }), task(`undo_${id}`)];
let service: RpcService;
let runs: Client<typeof Runs>;
let definitionId: string;

beforeAll(async () => {
  service = await startRpcService();
  const { baseUrl, client } = service;
  runs = createClient(Runs, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
  const { definition } = await client.createDefinition({ workspaceId: "ws", name: "booking" });
  definitionId = definition?.id ?? "";
  const agent = { id: "call", stepType: StepType.AGENT_ACTION, agentId: "a1" };
  await client.publishVersion({
    definitionId,
    steps: [...undone("one"), ...undone("two"), task("three"), agent],
    edges: [
      { fromStepId: "one", toStepId: "two" },
      { fromStepId: "two", toStepId: "three" },
      { fromStepId: "two", toStepId: "call" },
    ],
  });
});
afterAll(() => service.stop());

/** A run whose steps `one` and `two` have ended. */
async function begun(): Promise<string> {
  const { run } = await service.client.startRun({ definitionId });
  const runId = run?.id ?? "";
  await service.client.transitionStep({ runId, stepId: "one", state: COMPLETED });
  await runs.skipStep({ runId, stepId: "two", reason: "waived" });
  return runId;
}

describe("PreviewCancel", () => {
  test("names what is in flight and what stays", async () => {
    const { run } = await service.client.startRun({ definitionId });
    const first = await runs.previewCancel({ runId: run?.id ?? "" });
    expect(first.notBegunStepIds).toEqual(["two", "three", "call"]);
    const runId = await begun();
    const preview = await runs.previewCancel({ runId });
    expect(preview).toMatchObject({
      unchanged: false,
      inFlight: [
        { stepId: "three", state: WAITING, mayHaveActed: false },
        { stepId: "call", state: RUNNING, mayHaveActed: false },
      ],
      notBegunStepIds: [],
      kept: [
        { stepId: "one", state: COMPLETED, reason: KeptReason.CANCEL_ALONE },
        { stepId: "two", state: COMPLETED, reason: KeptReason.SKIPPED_BY_ORDER },
      ],
    });
    const { run: cancelled } = await service.client.cancelRun({ id: runId });
    const states = new Map(cancelled?.steps.map(({ stepId, state }) => [stepId, state]));
    for (const { stepId } of preview.inFlight) {
      expect(states.get(stepId)).toBe(StepRunState.CANCELLED);
    }
    expect(await runs.previewCancel({ runId })).toMatchObject({ unchanged: true, inFlight: [] });
  });

  test("is refused as CancelRun is", async () => {
    const runId = await begun();
    await service.client.compensateRun({ id: runId });
    const refused = await refusedBy(runs.previewCancel({ runId }));
    expect(refused).toEqual({
      ...(await refusedBy(service.client.cancelRun({ id: runId }))),
      error: expect.anything(),
    });
    expect(refused.code).toBe("FailedPrecondition");
  });
});

describe("PreviewCompensation", () => {
  test("gives the order of the undo, which CompensateRun keeps to", async () => {
    const runId = await begun();
    const preview = await runs.previewCompensation({ runId });
    expect(preview.inFlight.map(({ stepId }) => stepId)).toEqual(["three", "call"]);
    expect(preview.undone).toMatchObject([
      { stepId: "one", stage: 1, compensationStepId: "undo_one", isUncertain: false },
    ]);
    expect(preview.kept).toMatchObject([{ stepId: "two", reason: KeptReason.SKIPPED_BY_ORDER }]);
    await service.client.compensateRun({ id: runId });
    expect(await runs.previewCompensation({ runId })).toMatchObject({
      ...{ unchanged: true, inFlight: [] },
      undone: [{ stepId: "one", compensationState: WAITING }],
    });
    const done = { runId, stepId: "undo_one", state: COMPLETED };
    const { run } = await service.client.transitionStep(done);
    expect(run?.state).toBe(WorkflowState.FAILED);
    expect(run?.steps.map(({ stepId }) => stepId)).not.toContain("undo_two");
    expect(await runs.previewCompensation({ runId })).toMatchObject({
      unchanged: true,
      undone: [],
    });
  });

  test("says that an undo failed and would be tried again", async () => {
    const runId = await begun();
    await service.client.compensateRun({ id: runId });
    const failed = { state: StepRunState.FAILED, errorMessage: "no seat" };
    await service.client.transitionStep({ runId, stepId: "undo_one", ...failed });
    expect(await runs.previewCompensation({ runId })).toMatchObject({
      unchanged: false,
      undone: [{ compensationState: StepRunState.FAILED, lastError: "no seat" }],
    });
  });

  test("is refused of a COMPLETED run", async () => {
    const runId = await begun();
    for (const stepId of ["three", "call"])
      await runs.completeStep({ runId, stepId, reason: "so" });
    expect(await refusedBy(runs.previewCompensation({ runId }))).toMatchObject({
      ...{ code: "FailedPrecondition", reason: "ILLEGAL_MOVE" },
    });
    const empty = await refusedBy(runs.previewCompensation({}));
    expect(empty).toMatchObject({ code: "InvalidArgument", fields: ["run_id"] });
  });
});
