/**
 * Runs.PublishEvent of the real service: the event comes back by the bus and does what every event does.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connect } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";
import { refusedBy } from "../support/services/rpc-service.ts";

let cluster: Cluster;
let service: Replica;
beforeAll(async () => {
  cluster = await startCluster();
  service = await cluster.start();
});
afterAll(() => cluster?.stop());

async function listening(workspaceId: string): Promise<void> {
  const { workflows } = service;
  const { definition } = await workflows.createDefinition({ workspaceId, name: "orders" });
  const steps = [{ id: "task", name: "Task", stepType: StepType.HUMAN_TASK }];
  const trigger = { triggerType: TriggerType.EVENT, eventType: "order.made" };
  await workflows.publishVersion({ definitionId: definition?.id ?? "", steps, trigger });
}

const runsOf = async (workspaceId: string) =>
  (await service.workflows.listRuns({ workspaceId })).runs;

it("starts runs of its workspace alone, once for an id", async () => {
  await Promise.all(["ws_a", "ws_b"].map(listening));
  const event = { workspaceId: "ws_a", type: "order.made", id: "o1", data: { order: 1 } };
  const first = await service.runs.publishEvent({ ...event, subject: "orders/1" });
  expect(first).toMatchObject({ id: "o1", stream: "SIPHON", busSubject: "siphon.tap.ops" });
  const again = await service.runs.publishEvent({ ...event, subject: "orders/1" });
  expect(again.streamSeq).toBe(first.streamSeq);
  // The same id is another event in another workspace.
  const ofB = await service.runs.publishEvent({ ...event, workspaceId: "ws_b" });
  expect(ofB.streamSeq).not.toBe(first.streamSeq);
  const [run] = await until(async () => {
    const found = [...(await runsOf("ws_a")), ...(await runsOf("ws_b"))];
    return found.length >= 2 ? found : undefined;
  });
  expect(run).toMatchObject({ workspaceId: "ws_a", triggerEventId: "o1" });
  expect([(await runsOf("ws_a")).length, (await runsOf("ws_b")).length]).toEqual([1, 1]);
});

it("tells who sent it and why, and a repeat with a key has its id", async () => {
  const options = { headers: { "Workflows-Actor": "ann", "Idempotency-Key": "k1" } };
  const asked = { workspaceId: "ws_a", type: "of.no.trigger", reason: "a test" };
  const { id, streamSeq, stream } = await service.runs.publishEvent(asked, options);
  expect((await service.runs.publishEvent(asked, options)).id).toBe(id);
  const connection = await connect({ servers: cluster.natsUrl });
  const manager = await connection.jetstreamManager();
  const message = await manager.streams.getMessage(stream, { seq: Number(streamSeq) });
  expect(message.json()).toMatchObject({
    ...{ id, source: "workflows.ops", type: "of.no.trigger", tenantid: "ws_a" },
    ...{ actor: "unverified:ann", reason: "a test", data: {} },
  });
  await connection.close();
});

it("does not speak for a collaborator: where only theirs are read, it is refused", async () => {
  const sources = "APPROVALS=approvals.changes.>,WORKFLOWS=workflows.changes.run.>";
  const other = await cluster.start({ BUS_SOURCES: sources });
  const runs = createClient(Runs, createGrpcTransport({ baseUrl: other.url }));
  const { code } = await refusedBy(runs.publishEvent({ workspaceId: "ws_a", type: "t" }));
  expect(code).toBe("FailedPrecondition");
  await other.stop();
});

it.each([
  [{ type: "t" }, ["workspace_id"]],
  [{ workspaceId: "ws_a" }, ["type"]],
  [{ workspaceId: "ws_a", type: "t", id: "i".repeat(257), subject: "a\u0000" }, ["subject", "id"]],
])("%o is INVALID_ARGUMENT", async (request, fields) => {
  const refused = await refusedBy(service.runs.publishEvent(request));
  expect([refused.code, refused.fields]).toEqual(["InvalidArgument", fields]);
});
