/**
 * The `input:` of a workflow file is what its runs are started with: StartRun, PlanRerun and Rerun refuse another input.
 * Boundary: the RPCs; which schemas a file may have is test/contract/workflows.test.ts.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

const INPUT = "input: { amount: number, to: string? }";
let service: RpcService;
let workflows: Client<typeof Workflows>;
let runs: Client<typeof Runs>;
let names = 0;

beforeAll(async () => {
  service = await startRpcService();
  const transport = createConnectTransport({
    ...{ baseUrl: service.baseUrl, httpVersion: "1.1" },
    // The thread of the tests compiles its sources.
    defaultTimeoutMs: 60_000,
  });
  workflows = createClient(Workflows, transport);
  runs = createClient(Runs, transport);
});
afterAll(() => service.stop());

async function publish(name: string, input: string, task = "Pay", on = "manual"): Promise<string> {
  const sourceText = `workflow: ${name}\non: ${on}\n${input}\nsteps:\n  pay: { task: ${task} }\n`;
  const { definition } = await workflows.publishSource({ workspaceId: "ws", sourceText });
  return definition?.id ?? "";
}

const newName = () => `named-${++names}`;

function start(definitionId: string, inputPayload?: JsonObject, definitionVersion = 0) {
  return service.client.startRun({
    ...{ definitionId, definitionVersion },
    ...(inputPayload === undefined ? {} : { inputPayload }),
  });
}

async function fieldsOf(call: Promise<unknown>): Promise<string[]> {
  const refused = await refusedBy(call);
  expect(refused.code).toBe("InvalidArgument");
  return refused.fields;
}

test("a run is started with an input that fits, and else refused with the path of each field", async () => {
  const id = await publish(newName(), INPUT);
  const { run } = await start(id, { amount: 4, more: true });
  expect(run?.inputPayload).toEqual({ amount: 4, more: true });
  expect(await fieldsOf(start(id))).toEqual(["input_payload"]);
  expect(await fieldsOf(start(id, { amount: "4", to: 1 }))).toEqual([
    "input_payload.amount",
    "input_payload.to",
  ]);
  const { total } = await service.client.listRuns({ workspaceId: "ws", definitionId: id });
  expect(total).toBe(1);
});

test("each version has its own schema, and one without takes any input", async () => {
  const name = newName();
  const id = await publish(name, INPUT);
  await publish(name, "", "Pay now");
  await publish(name, "input: { text: string }", "Pay later");
  await start(id, { text: "x" });
  expect(await fieldsOf(start(id, { amount: 4 }))).toEqual(["input_payload"]);
  await start(id, { amount: 4 }, 1);
  expect(await fieldsOf(start(id, { text: "x" }, 1))).toEqual(["input_payload"]);
  await start(id, { any: [1] }, 2);
  const steps = [{ id: "pay", name: "Pay", agentId: "a", stepType: StepType.AGENT_ACTION }];
  await service.client.publishVersion({ definitionId: id, steps });
  await start(id, { any: [1] });
});

test("a schema that is changed with the same steps counts at once", async () => {
  const name = newName();
  const id = await publish(name, INPUT);
  await start(id, { amount: 4 });
  expect(await publish(name, "input: { text: string }")).toBe(id);
  expect(await fieldsOf(start(id, { amount: 4 }))).toEqual(["input_payload"]);
  await publish(name, "");
  await start(id, { amount: 4 });
});

test("a rerun with another input is planned only where that fits", async () => {
  const id = await publish(newName(), INPUT);
  const { run } = await start(id, { amount: 4 });
  const runId = run?.id ?? "";
  await service.client.cancelRun({ id: runId });
  const wrong = runs.planRerun({ runId, input: { amount: "4" } });
  expect(await fieldsOf(wrong)).toEqual(["input.amount"]);
  await runs.planRerun({ runId });
  const input = { amount: 5 };
  const { plan } = await runs.planRerun({ runId, input });
  await runs.rerun({ runId, input, planId: plan?.id ?? "", reason: "why" });
});

test("what an event starts is not checked", async () => {
  await publish(newName(), INPUT, "Pay", "{ event: bill.made }");
  const { startedRuns } = await service.client.handleTrigger({
    ...{ workspaceId: "ws", triggerType: TriggerType.EVENT, eventType: "bill.made" },
    inputPayload: { amount: "4" },
  });
  expect(startedRuns).toHaveLength(1);
});
