/**
 * Reads by GET (Connect): with and without a client library, over both versions of HTTP, and what is refused.
 */
import { request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PayloadKind, Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepType, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { type RpcService, startRpcService } from "../support/services/rpc-service.ts";

const WORKSPACE = "ws";
let service: RpcService;
let runId = "";
beforeAll(async () => {
  service = await startRpcService();
  const { client } = service;
  const { definition } = await client.createDefinition({ workspaceId: WORKSPACE, name: "read" });
  const definitionId = definition?.id ?? "";
  const steps = [{ id: "a", name: "A", stepType: StepType.HUMAN_TASK }];
  await client.publishVersion({ definitionId, steps });
  const { run } = await client.startRun({ definitionId, inputPayload: { n: 1 } });
  runId = run?.id ?? "";
});
afterAll(() => service.stop());

function urlOf(rpc: string, query: Record<string, string>): string {
  return `${service.baseUrl}/${rpc}?${new URLSearchParams(query)}`;
}

const asJson = (message: object) => ({
  connect: "v1",
  encoding: "json",
  message: JSON.stringify(message),
});

describe.each(["1.1", "2"] as const)("a client over HTTP/%s", (httpVersion) => {
  test.each([true, false])("reads by GET (binary: %s)", async (useBinaryFormat) => {
    const transport = createConnectTransport({
      baseUrl: service.baseUrl,
      httpVersion,
      useHttpGet: true,
      useBinaryFormat,
    });
    // Set on answers to GET only.
    const cacheControls: (string | null)[] = [];
    const onHeader = (header: Headers) => cacheControls.push(header.get("cache-control"));
    const client = createClient(WorkflowService, transport);
    const { run } = await client.getRun({ id: runId }, { onHeader });
    expect(run?.inputPayload).toEqual({ n: 1 });
    expect((await client.listRuns({ workspaceId: WORKSPACE }, { onHeader })).total).toBe(1);
    const asked = { runId, stepId: "a", kind: PayloadKind.INPUT };
    const { payload } = await createClient(Runs, transport).getPayload(asked, { onHeader });
    expect(payload).toEqual({ n: 1 });
    expect(cacheControls).toEqual(Array.from({ length: 3 }, () => "private, no-cache"));
  });
});

test("a URL alone reads a run, which no cache keeps", async () => {
  const answer = await fetch(urlOf("workflows.v1.WorkflowService/GetRun", asJson({ id: runId })));
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("private, no-cache");
  expect(await answer.json()).toMatchObject({ run: { id: runId, inputPayload: { n: 1 } } });
});

test("a write by GET is not allowed, and does nothing", async () => {
  const query = asJson({ workspaceId: WORKSPACE, name: "written" });
  const answer = await fetch(urlOf("workflows.v1.WorkflowService/CreateDefinition", query));
  expect(answer.status).toBe(405);
  const { total } = await service.client.listDefinitions({ workspaceId: WORKSPACE });
  expect(total).toBe(1);
});

describe("refused:", () => {
  const getRun = "workflows.v1.WorkflowService/GetRun";
  test.each([
    ["a message that is no JSON", { ...asJson({}), message: "{" }],
    ["a field that there is not", asJson({ nothing: 1 })],
    ["no message that is good", asJson({})],
    ["protobuf that is none", { connect: "v1", encoding: "proto", base64: "1", message: "_w" }],
  ])("%s is INVALID_ARGUMENT", async (_what, query) => {
    const answer = await fetch(urlOf(getRun, query));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "invalid_argument" });
  });

  test("a message that inflates past 1 MiB is RESOURCE_EXHAUSTED", async () => {
    const message = gzipSync(JSON.stringify({ id: "x".repeat(2 * 1024 * 1024) }));
    const query = { connect: "v1", encoding: "json", base64: "1", compression: "gzip" };
    const answer = await fetch(urlOf(getRun, { ...query, message: message.toString("base64url") }));
    expect(answer.status).toBe(429);
    expect(await answer.json()).toMatchObject({ code: "resource_exhausted" });
  });

  test("a URL longer than headers may be is 431, and the connection's end", async () => {
    const url = urlOf(getRun, asJson({ id: "x".repeat(64 * 1024) }));
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpRequest(url, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(431);
  });
});
