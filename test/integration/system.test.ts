/**
 * workflows.ops.v1.System of the real service, without authentication: what it is, its queues and workers, and what is wrong
 * while parts of it are away.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. Callers by a token are test/contract/system.test.ts.
 */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BreakerState, CheckStatus, System } from "../../gen/workflows/ops/v1/system_pb.ts";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";
import { refusedBy } from "../support/services/rpc-service.ts";

/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:9";
const { OK, WARN, FAIL } = CheckStatus;
let cluster: Cluster;
let service: Replica;
let system: Client<typeof System>;

beforeAll(async () => {
  cluster = await startCluster();
  service = await cluster.start({ APPROVALS_URL: "builtin", OBJECTIVES_URL: NOWHERE });
  system = createClient(System, createGrpcTransport({ baseUrl: service.url }));
});
afterAll(() => cluster?.stop());

/** The checks by name, when a condition holds for one of them. */
async function checkOnce(name: string, status: CheckStatus) {
  return until(async () => {
    const { checks } = await system.doctor({});
    return checks.find((check) => check.name === name && check.status === status);
  });
}

async function publish(name: string, step: object): Promise<string> {
  const { workflows } = service;
  const { definition } = await workflows.createDefinition({ workspaceId: "ws", name });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ definitionId, steps: [{ id: "one", name: "One", ...step }] });
  return definitionId;
}

it("says what the replica is", async () => {
  const { system: info } = await system.get({});
  expect(info).toMatchObject({
    version: "0.1.0",
    features: ["reflection", "retention", "builtin_approvals"],
    limits: { payloadBytes: 262_144, pageSize: 500, retentionDays: 90, reconcileSeconds: 60 },
  });
  expect(info?.replicaId).toMatch(/^[0-9a-f]{16}$/);
  const collaborators = new Map(info?.collaborators.map((each) => [each.name, each]));
  expect(collaborators.get("approvals")).toMatchObject({ configured: true, builtIn: true });
  expect(collaborators.get("objectives")).toMatchObject({ configured: true, builtIn: false });
  expect(collaborators.get("meter")).toMatchObject({
    configured: false,
    breaker: BreakerState.UNSPECIFIED,
  });
});

it("without authentication each caller may call everything", async () => {
  const { rpcs, ...who } = await system.whoAmI({}, { headers: { "Workflows-Actor": "ann" } });
  expect(who).toMatchObject({
    authenticated: false,
    subject: "ann",
    workspaceId: "",
    isAgent: false,
  });
  expect(rpcs).toContain("workflows.v1.WorkflowService/StartRun");
  expect(rpcs).toContain("workflows.ops.v1.Inbox/Decide");
});

describe("doctor", () => {
  it("finds nothing wrong, and says what it looked at", async () => {
    const { checks, status, replicaId } = await until(async () => {
      const found = await system.doctor({});
      return found.status === OK ? found : undefined;
    });
    expect(checks.map(({ name }) => name)).toEqual([
      "database",
      "bus",
      "stream",
      "migrations",
      "publisher",
      "collaborator:objectives",
      "collaborator:approvals",
      "collaborators",
      "queues",
      "dead_letters",
      "deadlines",
    ]);
    expect(status).toBe(OK);
    expect(replicaId).toBe((await system.get({})).system?.replicaId);
    expect(checks.every(({ sentence, action }) => sentence !== "" && action === "")).toBe(true);
  });

  it("names a collaborator that does not answer", async () => {
    const definitionId = await publish("agent", {
      stepType: StepType.AGENT_ACTION,
      agentId: "a",
    });
    await service.workflows.startRun({ definitionId });
    const { sentence, action } = await checkOnce("collaborator:objectives", FAIL);
    expect(sentence).toMatch(/^objectives did not answer five times in a row and is /);
    expect(action).toContain("OBJECTIVES_URL");
    const { system: info } = await system.get({});
    const objectives = info?.collaborators.find(({ name }) => name === "objectives");
    expect(objectives?.breaker).toBe(BreakerState.OPEN);
  });
});

describe("queues and workers", () => {
  it("lists tasks without a worker, then the worker by its heartbeat", async () => {
    const step = { stepType: StepType.AGENT_ACTION, config: { queue: "docs" } };
    const definitionId = await publish("worker", step);
    await service.workflows.startRun({ definitionId });
    const workspaceId = "ws";
    const [queue] = await until(async () => {
      const { queues } = await system.listQueues({ workspaceId });
      return queues.length > 0 ? queues : undefined;
    });
    expect(queue).toMatchObject({ name: "docs", messages: 1n, workers: 0 });
    const { sentence } = await checkOnce("queues", WARN);
    expect(sentence).toContain("docs");
    expect((await system.doctor({ workspaceId: "other" })).checks).toContainEqual(
      expect.objectContaining({ name: "queues", status: OK }),
    );

    const connection = await connect({ servers: cluster.natsUrl });
    const heartbeat = JSON.stringify({
      worker: "w1",
      version: "1.4.0",
      running: 1,
      concurrency: 4,
    });
    connection.publish("workflows.workers.ws.docs", heartbeat);
    const [worker] = await until(async () => {
      const { workers } = await system.listWorkers({ workspaceId });
      return workers.length > 0 ? workers : undefined;
    });
    await connection.close();
    expect(worker).toMatchObject({
      ...{ id: "w1", queue: "docs", running: 1, concurrency: 4 },
      version: "1.4.0",
    });
    expect((await system.listQueues({ workspaceId })).queues).toMatchObject([
      { name: "docs", messages: 1n, workers: 1, running: 1, concurrency: 4 },
    ]);
    expect((await system.listWorkers({ workspaceId, queue: "other" })).totalSize).toBe(0);
    expect((await system.listWorkers({ workspaceId: "other" })).totalSize).toBe(0);
    expect((await system.listQueues({ workspaceId: "other" })).totalSize).toBe(0);
  });

  it("without a workspace is INVALID_ARGUMENT", async () => {
    for (const asked of [system.listQueues({}), system.listWorkers({})]) {
      const { code, fields } = await refusedBy(asked);
      expect({ code, fields }).toEqual({ code: "InvalidArgument", fields: ["workspace_id"] });
    }
    const { fields } = await refusedBy(system.doctor({ workspaceId: "a\u0000b" }));
    expect(fields).toEqual(["workspace_id"]);
  });
});
