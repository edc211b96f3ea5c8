/**
 * Runs.ResumeWith with authentication on: who may change the inputs of a paused run, and what the run and its history have of it.
 * Boundary: what the engine does with a patch is test/unit/engine/resume-with.test.ts.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PayloadKind, Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Caller, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

/** `words/subject`, `agent/words/subject`: the token says it all. */
async function find(token: string): Promise<Caller> {
  const [subject = "", words = "", agent = ""] = token.split("/").reverse();
  const isAgent = agent === "agent";
  return { subject, workspaceId: "ws", scopes: grantedScopes(words.split("+"), isAgent), isAgent };
}

const as = (token: string, more: Record<string, string> = {}): CallOptions => ({
  headers: { authorization: `Bearer ${token}`, ...more },
});
const ADMIN = as("admin/root");
const OPERATOR = as("operator/olga");
let service: RpcService;
let runs: Client<typeof Runs>;
let definitionId: string;

beforeAll(async () => {
  service = await startRpcService({ callers: { find } });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  runs = createClient(Runs, transport);
  const { definition } = await service.client.createDefinition({ name: "pay" }, ADMIN);
  definitionId = definition?.id ?? "";
  const task = (id: string) => ({ id, name: id, stepType: StepType.HUMAN_TASK });
  const gate = { id: "gate", name: "G", stepType: StepType.APPROVAL_GATE, actionType: "pay" };
  const steps = [task("first"), task("pay"), gate, task("send")];
  const edges = [
    { fromStepId: "first", toStepId: "pay" },
    { fromStepId: "pay", toStepId: "gate" },
    { fromStepId: "gate", toStepId: "send" },
  ];
  await service.client.publishVersion({ definitionId, steps, edges }, ADMIN);
});
afterAll(() => service.stop());

async function paused(): Promise<string> {
  const inputPayload = { amount: 900 };
  const { run } = await service.client.startRun({ definitionId, inputPayload }, ADMIN);
  const id = run?.id ?? "";
  await service.client.pauseRun({ id }, ADMIN);
  return id;
}

const INPUTS = { pay: { amount: 40 } };

function resume(
  runId: string,
  options = OPERATOR,
  inputs: Record<string, JsonObject> = INPUTS,
  reason = "the bill was wrong",
) {
  return runs.resumeWith({ runId, inputs, reason }, options);
}

async function stateOf(id: string): Promise<WorkflowState | undefined> {
  return (await service.client.getRun({ id }, ADMIN)).run?.state;
}

test("the run goes on, the step begins with the other input, and the history says who changed it and why", async () => {
  const runId = await paused();
  const { run } = await resume(runId, as("operator/olga", { "Workflows-Via": "cli" }));
  expect(run).toMatchObject({ id: runId, state: WorkflowState.RUNNING });
  const done = { runId, stepId: "first", state: StepRunState.COMPLETED };
  await service.client.transitionStep(
    { ...done, outputPayload: { amount: 900, to: "sam" } },
    ADMIN,
  );
  const input = await runs.getPayload({ runId, stepId: "pay", kind: PayloadKind.INPUT }, ADMIN);
  expect(input.payload).toEqual({ amount: 40, to: "sam" });
  const { moves } = await runs.getHistory({ runId }, ADMIN);
  const move = moves.find(({ cause }) => cause?.id === "ResumeWith");
  expect(move).toMatchObject({
    cause: { actor: "olga", reason: "the bill was wrong", via: "cli" },
    changes: [{ stepId: "pay", note: "edited", reason: "amount" }, { operation: "resume" }],
  });
  const { attempts } = await runs.getAttempts({ runId, stepId: "pay" }, ADMIN);
  expect(attempts).toHaveLength(1);
});

test("a repeat with its key changes nothing again", async () => {
  const runId = await paused();
  const keyed = as("operator/olga", { "Idempotency-Key": `key_${runId}` });
  const first = await resume(runId, keyed);
  await service.client.pauseRun({ id: runId }, ADMIN);
  expect(await resume(runId, keyed)).toEqual(first);
  expect(await stateOf(runId)).toBe(WorkflowState.PAUSED);
  expect((await refusedBy(resume(runId, keyed, { pay: { amount: 1 } }))).code).toBe(
    "AlreadyExists",
  );
});

describe("refused, and the run stays paused:", () => {
  test.each<[string, Record<string, JsonObject>, string, string[]]>([
    ["no inputs", {}, "InvalidArgument", ["inputs"]],
    ["an empty change", { pay: {} }, "InvalidArgument", ["inputs.pay"]],
    ["what cannot be stored", { pay: { a: "\u0000" } }, "InvalidArgument", ["inputs.pay.a"]],
    ["a step that there is not", { none: { a: 1 } }, "NotFound", []],
    ["a step that has begun", { first: { a: 1 } }, "FailedPrecondition", []],
    [
      "too many steps",
      Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`s${n}`, { n }])),
      "InvalidArgument",
      ["inputs"],
    ],
  ])("%s", async (_, inputs, code, fields) => {
    const runId = await paused();
    expect(await refusedBy(resume(runId, ADMIN, inputs))).toMatchObject({ code, fields });
    expect(await stateOf(runId)).toBe(WorkflowState.PAUSED);
  });

  test("without a reason", async () => {
    const runId = await paused();
    expect(await refusedBy(resume(runId, ADMIN, INPUTS, ""))).toMatchObject({ fields: ["reason"] });
  });

  test.each(["editor/ed", "viewer/vi", "approver/ann", "agent/operator/olga", "agent/admin/root"])(
    "%s",
    async (token) => {
      const runId = await paused();
      expect((await refusedBy(resume(runId, as(token)))).code).toBe("PermissionDenied");
      expect(await stateOf(runId)).toBe(WorkflowState.PAUSED);
    },
  );

  test("a step behind a gate, for who is no admin: another input would be sent than was approved", async () => {
    const runId = await paused();
    const behind = { send: { amount: 1 } };
    expect((await refusedBy(resume(runId, OPERATOR, behind))).code).toBe("PermissionDenied");
    // What the gate asks is shown to who decides.
    await resume(runId, OPERATOR, { gate: { amount: 1 } });
    await service.client.pauseRun({ id: runId }, ADMIN);
    await resume(runId, ADMIN, behind);
    expect(await stateOf(runId)).toBe(WorkflowState.RUNNING);
  });
});

test("a run that is not paused, or has ended, is FAILED_PRECONDITION", async () => {
  const runId = await paused();
  await service.client.resumeRun({ id: runId }, ADMIN);
  expect(await refusedBy(resume(runId))).toMatchObject({ code: "FailedPrecondition" });
  await service.client.cancelRun({ id: runId }, ADMIN);
  expect(await refusedBy(resume(runId))).toMatchObject({ code: "FailedPrecondition" });
});
