/**
 * Runs.PublishEvent of the real service: the event comes back by the bus and does what every event does.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connect, headers } from "nats";
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

async function listening(workspaceId: string, eventType = "order.made"): Promise<void> {
  const { workflows } = service;
  const { definition } = await workflows.createDefinition({ workspaceId, name: "orders" });
  const steps = [{ id: "task", name: "Task", stepType: StepType.HUMAN_TASK }];
  const trigger = { triggerType: TriggerType.EVENT, eventType };
  await workflows.publishVersion({ definitionId: definition?.id ?? "", steps, trigger });
}

const runsOf = async (workspaceId: string) =>
  (await service.workflows.listRuns({ workspaceId })).runs;

it("starts runs of its workspace alone, once for an id", async () => {
  await Promise.all(["ws_a", "ws_b"].map((workspaceId) => listening(workspaceId)));
  const event = { workspaceId: "ws_a", type: "order.made", id: "o1", data: { order: 1 } };
  const first = await service.runs.publishEvent({ ...event, subject: "orders/1" });
  expect(first).toMatchObject({ id: "o1", stream: "SIPHON", busSubject: "siphon.tap.ops" });
  const again = await service.runs.publishEvent({ ...event, subject: "orders/1" });
  expect(again.streamSeq).toBe(first.streamSeq);
  expect([first.duplicate, again.duplicate]).toEqual([false, true]);
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

it("takes one id of two sources as two events", async () => {
  const event = { workspaceId: "ws_a", type: "of.no.trigger", id: "o2" };
  const ofShop = await service.runs.publishEvent({ ...event, source: "shop" });
  const ofTill = await service.runs.publishEvent({ ...event, source: "till" });
  expect([ofShop.duplicate, ofTill.duplicate]).toEqual([false, false]);
  expect(ofTill.streamSeq).not.toBe(ofShop.streamSeq);
});

it("is no tap event, whatever its data is", async () => {
  const { workflows, runs } = service;
  const workspaceId = "ws_tap";
  const { definition } = await workflows.createDefinition({ workspaceId, name: "deals" });
  const steps = [{ id: "task", name: "Task", stepType: StepType.HUMAN_TASK }];
  const trigger = { triggerType: TriggerType.WEBHOOK, tapProvider: "hubspot" };
  await workflows.publishVersion({ definitionId: definition?.id ?? "", steps, trigger });
  await listening(workspaceId);
  const data = { provider: "hubspot", entity_type: "deal", entity_id: "d1", action: "updated" };
  await runs.publishEvent({ workspaceId, type: "order.made", data });
  const found = await until(async () => {
    const started = await runsOf(workspaceId);
    return started.length > 0 ? started : undefined;
  });
  // One event's starts are committed together, so a run of the WEBHOOK trigger would be here too.
  expect(found.map(({ triggerType }) => triggerType)).toEqual([TriggerType.EVENT]);
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

it("comes from a plain queue too: each message is one event of the workspace that is set", async () => {
  await Promise.all(["ws_q", "ws_r"].map((workspaceId) => listening(workspaceId, "queue.orders")));
  const connection = await connect({ servers: cluster.natsUrl });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "ORDERS", subjects: ["orders.*"] });
  const queue = "ORDERS=orders.new?workspace=ws_q&type=queue.orders";
  const reader = await cluster.start({ BUS_SOURCES: `SIPHON=siphon.tap.>,${queue}` });
  const fields = headers();
  // What a message says about itself does not count.
  fields.set("ce-tenantid", "ws_r");
  fields.set("ce-type", "order.made");
  fields.set("Nats-Msg-Id", "o 1");
  connection.publish("orders.new", JSON.stringify({ order: 1 }), { headers: fields });
  connection.publish("orders.new", JSON.stringify({ tenant_id: "ws_r", order: 2 }));
  connection.publish("orders.new", "[3]");
  const runs = await until(async () => {
    const found = await runsOf("ws_q");
    return found.length >= 2 ? found : undefined;
  });
  const inputs = await Promise.all(
    runs.map(async ({ id }) => (await service.workflows.getRun({ id })).run?.inputPayload),
  );
  expect(inputs).toEqual(expect.arrayContaining([{ order: 1 }, { tenant_id: "ws_r", order: 2 }]));
  expect(runs.map(({ triggerEventId }) => triggerEventId)).toEqual(
    expect.arrayContaining(["o 1", expect.stringMatching(/^2\/\d+$/)]),
  );
  const { deadLetters } = await until(async () => {
    const page = await reader.runs.listDeadLetters({ workspaceId: "ws_q" });
    return page.deadLetters.length > 0 ? page : undefined;
  });
  expect(deadLetters).toMatchObject([{ stream: "ORDERS", streamSeq: 3n }]);
  expect(await runsOf("ws_r")).toEqual([]);
  await connection.close();
  await reader.stop();
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
  [{ workspaceId: "ws_a", type: "t", source: "siphon" }, ["source"]],
  [{ workspaceId: "ws_a", type: "t", source: "//Workflows/eu" }, ["source"]],
  [{ workspaceId: "ws_a", type: "t", source: "approvals" }, ["source"]],
  [{ workspaceId: "ws_a", type: "t", data: { "@type": "tap.v1.TapEventData" } }, ["data"]],
  [
    {
      ...{ workspaceId: "ws_a", type: "t" },
      data: { payload: {}, aggregate_id: "d1", actor_type: "ACTOR_TYPE_AGENT", actor_id: "a1" },
    },
    ["data"],
  ],
  [{ workspaceId: "ws_a" }, ["type"]],
  [{ workspaceId: "ws_a", type: "t", id: "i".repeat(257), subject: "a\u0000" }, ["subject", "id"]],
])("%o is INVALID_ARGUMENT", async (request, fields) => {
  const refused = await refusedBy(service.runs.publishEvent(request));
  expect([refused.code, refused.fields]).toEqual(["InvalidArgument", fields]);
});
