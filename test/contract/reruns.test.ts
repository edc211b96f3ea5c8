/**
 * PlanRerun and Rerun as callers see them: the plan is what happens, and each step is undone once, whoever asks at the same time.
 */
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeptReason } from "../../gen/workflows/ops/v1/previews_pb.ts";
import { PlanAct, PlanReason } from "../../gen/workflows/ops/v1/reruns_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  StepRunState,
  StepType,
  type WorkflowRun,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { callIdOf } from "../../src/engine/values/call.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const { COMPLETED, FAILED } = StepRunState;
const task = (id: string, more = {}) => ({ id, name: id, stepType: StepType.HUMAN_TASK, ...more });
const undone = (id: string) => [task(id, { compensationStepId: `undo_${id}` }), task(`undo_${id}`)];
const GATE = { id: "gate", name: "Gate", stepType: StepType.APPROVAL_GATE, actionType: "pay" };
const STEPS = [...undone("book"), GATE, ...undone("pay"), task("tell")];
const EDGES = [
  { fromStepId: "book", toStepId: "gate" },
  { fromStepId: "gate", toStepId: "pay", label: "approved" },
  { fromStepId: "pay", toStepId: "tell" },
];
const AS_ANN: CallOptions = { headers: { "Workflows-Actor": "ann", "Workflows-Via": "cli" } };
let service: RpcService;
let runs: Client<typeof Runs>;
let definitionId: string;

beforeAll(async () => {
  service = await startRpcService();
  const { baseUrl, client } = service;
  runs = createClient(Runs, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
  const { definition } = await client.createDefinition({ workspaceId: "ws", name: "payment" });
  definitionId = definition?.id ?? "";
  await client.publishVersion({ definitionId, steps: STEPS, edges: EDGES });
});
afterAll(() => service.stop());

function end(runId: string, stepId: string, more = {}) {
  return service.client.transitionStep({ runId, stepId, state: COMPLETED, ...more });
}

/** A run that failed in its last step, after an approval and two steps that can be undone. */
async function failed(): Promise<string> {
  const started = await service.client.startRun({ definitionId, inputPayload: { n: 1 } });
  const runId = started.run?.id ?? "";
  await end(runId, "book", { outputPayload: { seat: 7 }, costUsd: 2 });
  await end(runId, "gate");
  await end(runId, "pay", { outputPayload: { paid: 40 } });
  await end(runId, "tell", { state: FAILED, errorMessage: "no phone" });
  return runId;
}

async function rerun(runId: string, more: CallOptions = AS_ANN): Promise<WorkflowRun> {
  const { plan } = await runs.planRerun({ runId });
  const { run } = await runs.rerun({ runId, planId: plan?.id ?? "", reason: "again" }, more);
  if (run === undefined) throw new Error("there is no run");
  return run;
}

/** Compensates a run to its end; the steps that it undid, in order. */
async function compensate(runId: string): Promise<string[]> {
  const undoing: string[] = [];
  let { run } = await service.client.compensateRun({ id: runId });
  while (run?.state === WorkflowState.COMPENSATING) {
    const open = run.steps.find(({ state }) => state === StepRunState.WAITING);
    if (open === undefined) throw new Error("a compensation that waits for nothing");
    undoing.push(open.stepId);
    ({ run } = await end(runId, open.stepId));
  }
  return undoing;
}

test("a rerun from the failed step does what its plan says, and each step is undone once", async () => {
  const runId = await failed();
  const { plan } = await runs.planRerun({ runId });
  expect(plan).toMatchObject({ runId, version: 1 });
  expect(plan?.steps).toMatchObject([
    { stepId: "book", act: PlanAct.REUSE },
    { stepId: "gate", act: PlanAct.REUSE, approvalVoid: false },
    { stepId: "pay", act: PlanAct.REUSE },
    { stepId: "tell", act: PlanAct.RUN, why: PlanReason.NOT_COMPLETED },
  ]);
  const made = await rerun(runId);
  expect(made).toMatchObject({ state: WorkflowState.RUNNING, totalCostUsd: 0 });
  expect(made.inputPayload).toEqual({ n: 1 });
  const steps = new Map(made.steps.map((step) => [step.stepId, step]));
  for (const { stepId, act } of plan?.steps ?? []) {
    const state = act === PlanAct.REUSE ? COMPLETED : StepRunState.WAITING;
    expect(steps.get(stepId)?.state, stepId).toBe(state);
  }
  expect(steps.get("book")).toMatchObject({ outputPayload: { seat: 7 }, costUsd: 0 });
  expect(steps.get("tell")?.inputPayload).toEqual({ paid: 40 });
  await end(made.id, "tell", { state: FAILED, errorMessage: "no phone" });
  expect(await runs.previewCompensation({ runId })).toMatchObject({
    ...{ unchanged: true, undone: [] },
    kept: [
      { stepId: "book", reason: KeptReason.PASSED_TO_RERUN },
      { stepId: "gate", reason: KeptReason.NO_COMPENSATION },
      { stepId: "pay", reason: KeptReason.PASSED_TO_RERUN },
    ],
  });
  expect((await runs.getTree({ runId: made.id })).run?.rerunOf).toBe(runId);
  expect(await compensate(runId)).toEqual([]);
  expect(await compensate(made.id)).toEqual(["undo_pay", "undo_book"]);
  expect(await compensate(runId)).toEqual([]);
});

test("both histories say who reran the run, why and through what", async () => {
  const runId = await failed();
  const made = await rerun(runId);
  const cause = { id: "Rerun", actor: "unverified:ann", reason: "again", via: "cli" };
  for (const id of [runId, made.id]) {
    const { moves } = await runs.getHistory({ runId: id, newestFirst: true });
    expect(moves[0]?.cause).toMatchObject(cause);
  }
  const { moves } = await runs.getHistory({ runId: made.id });
  expect(moves[0]?.changes.filter(({ note }) => note === "reused")).toHaveLength(3);
});

describe("at the same time", () => {
  test("of two Reruns by one plan one is done", async () => {
    const runId = await failed();
    const { plan } = await runs.planRerun({ runId });
    const request = { runId, planId: plan?.id ?? "", reason: "again" };
    const both = await Promise.allSettled([runs.rerun(request), runs.rerun(request)]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const { runs: found } = await service.client.listRuns({ workspaceId: "ws", definitionId });
    expect(found.filter(({ triggerEventId }) => triggerEventId.startsWith(runId))).toHaveLength(1);
  });

  test("a Rerun beside a CompensateRun leaves each undo to one of both", async () => {
    for (let n = 0; n < 8; n += 1) {
      const runId = await failed();
      const { plan } = await runs.planRerun({ runId });
      const request = { runId, planId: plan?.id ?? "", reason: "again" };
      const first = () => runs.rerun(request);
      const second = () => service.client.compensateRun({ id: runId });
      const calls = n % 2 === 0 ? [first(), second()] : [second(), first()];
      await Promise.allSettled(calls);
      const { runs: found } = await service.client.listRuns({ workspaceId: "ws", definitionId });
      const made = found.find(({ triggerEventId }) => triggerEventId.startsWith(runId));
      const ofNew = made === undefined ? [] : await compensate(made.id);
      expect([...(await compensate(runId)), ...ofNew]).toEqual(["undo_pay", "undo_book"]);
    }
  });
});

test("a Rerun with a key is done once", async () => {
  const runId = await failed();
  const { plan } = await runs.planRerun({ runId });
  const request = { runId, planId: plan?.id ?? "", reason: "again" };
  const keyed = { headers: { ...AS_ANN.headers, "Idempotency-Key": `rerun-${runId}` } };
  const { run } = await runs.rerun(request, keyed);
  expect((await runs.rerun(request, keyed)).run?.id).toBe(run?.id);
});

test("a Rerun whose start a caller had taken starts nothing, and its key says so for good", async () => {
  const runId = await failed();
  const { moves } = await runs.getHistory({ runId, newestFirst: true, pageSize: 1 });
  const attempt = Number(moves[0]?.seq) + 1;
  const callId = callIdOf({ runId, stepId: "-", attempt, call: "start_rerun" });
  const { run: taken } = await service.client.startRun({ definitionId, triggerEventId: callId });
  const { plan } = await runs.planRerun({ runId });
  const request = { runId, planId: plan?.id ?? "", reason: "again" };
  const keyed = { headers: { ...AS_ANN.headers, "Idempotency-Key": `taken-${runId}` } };
  const refused = await refusedBy(runs.rerun(request, keyed));
  expect(refused.code).toBe("AlreadyExists");
  expect(refused.error.rawMessage).toContain(`run ${taken?.id} was started by the event id`);
  // Until its call is given back, the rerun may begin yet.
  expect((await refusedBy(runs.rerun(request, keyed))).code).toBe("Unavailable");
  const given = { call: "start_rerun", stepIndex: -1, attempt, callId } as const;
  const result = { ok: false, message: "taken" } as const;
  const cause = { kind: "call", id: callId } as const;
  const input = { kind: "call_returned", ...given, result, cause } as const;
  await service.processor.submit({ kind: "input", runId, workspaceId: "", input });
  const over = await refusedBy(runs.rerun(request, keyed));
  expect(over).toMatchObject({ code: "FailedPrecondition", reason: "ILLEGAL_MOVE" });
  expect(over.error.rawMessage).toContain("could not be started");
  const made = await rerun(runId);
  expect(made.id).not.toBe(taken?.id);
  expect(made.steps[0]).toMatchObject({ stepId: "book", outputPayload: { seat: 7 } });
});

describe("a plan", () => {
  test("is of the fields that it was made of", async () => {
    const runId = await failed();
    const { plan } = await runs.planRerun({ runId, fromStepId: "gate" });
    expect(plan?.steps.map(({ act }) => act)).toEqual([
      ...[PlanAct.REUSE, PlanAct.RUN, PlanAct.LATER, PlanAct.LATER],
    ]);
    expect(plan?.steps[1]).toMatchObject({ why: PlanReason.ASKED, approvalVoid: true });
    const planId = plan?.id ?? "";
    for (const other of [{}, { fromStepId: "pay" }, { fromStepId: "gate", input: { n: 1 } }]) {
      const refused = await refusedBy(runs.rerun({ runId, planId, reason: "so", ...other }));
      expect(refused).toMatchObject({ code: "FailedPrecondition", reason: "ILLEGAL_MOVE" });
    }
    const later = `${planId.split(".")[0]}.${(Date.now() * 2).toString(36)}`;
    const forged = { runId, planId: later, fromStepId: "gate", reason: "so" };
    expect((await refusedBy(runs.rerun(forged))).code).toBe("FailedPrecondition");
    await runs.rerun({ runId, planId, fromStepId: "gate", reason: "so" });
  });

  test("ends when the run moves, and the run is rerun once", async () => {
    const runId = await failed();
    const { plan } = await runs.planRerun({ runId });
    await compensate(runId);
    const stale = { runId, planId: plan?.id ?? "", reason: "so" };
    expect((await refusedBy(runs.rerun(stale))).code).toBe("FailedPrecondition");
    const made = await rerun(runId);
    expect(made.steps[0]?.state).toBe(StepRunState.WAITING);
    expect((await refusedBy(runs.planRerun({ runId }))).error.rawMessage).toBe(
      `cannot rerun run ${runId}: it was rerun already: rerun the newer run ${made.id}`,
    );
  });

  test("is by a version that is named, with another input", async () => {
    const runId = await failed();
    const { client } = service;
    await client.publishVersion({ definitionId, steps: [...STEPS, task("more")], edges: EDGES });
    const { plan } = await runs.planRerun({ runId, version: 2 });
    expect(plan?.steps.at(-1)).toMatchObject({ stepId: "more", why: PlanReason.CHANGED });
    const wish = { runId, version: 2, input: { n: 2 } };
    const other = await runs.planRerun(wish);
    expect(other.plan?.steps.map(({ act }) => act)).not.toContain(PlanAct.REUSE);
    const planId = other.plan?.id ?? "";
    const { run } = await runs.rerun({ ...wish, planId, reason: "so" });
    expect(run).toMatchObject({ definitionVersion: 2, inputPayload: { n: 2 } });
    expect(await compensate(runId)).toEqual(["undo_pay", "undo_book"]);
  });

  test("names what is wrong with the request", async () => {
    const runId = await failed();
    const bare = await refusedBy(runs.rerun({}));
    expect(bare).toMatchObject({ fields: ["plan_id", "reason", "run_id"] });
    const undo = await refusedBy(runs.planRerun({ runId, fromStepId: "undo_pay" }));
    expect(undo).toMatchObject({ code: "InvalidArgument", fields: ["from_step_id"] });
    expect((await refusedBy(runs.planRerun({ runId, version: 9 }))).code).toBe("NotFound");
    const open = await service.client.startRun({ definitionId });
    const refused = await refusedBy(runs.planRerun({ runId: open.run?.id ?? "" }));
    expect(refused).toMatchObject({ code: "FailedPrecondition" });
  });
});
