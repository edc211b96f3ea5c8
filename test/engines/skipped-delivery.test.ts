/**
 * A message that the server counts as acknowledged though it was never delivered, as nats-server before 2.11 does when
 * another node takes the lead of a consumer: the service takes it again.
 * Boundary: what the server does by accident the test does on purpose, while the service stands still.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { publishTapEvent } from "../../src/sandbox/tap.ts";
import { until } from "../support/assertions/until.ts";
import { type NatsCluster, startNatsCluster } from "../support/engines/nats-cluster.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const WORKSPACE = "ws_1";
const STREAM = "SIPHON";
const CONSUMER = "workflows-siphon";

let bus: NatsCluster;
let cluster: Cluster;
let replica: Replica;
beforeAll(async () => {
  bus = await startNatsCluster();
  await bus.makeStream(STREAM, "siphon.tap.>");
  cluster = await startCluster({ natsUrl: bus.urls });
  const environment = { BUS_SOURCES: `${STREAM}=siphon.tap.>`, BUS_STREAM_REPLICAS: "3" };
  // The second one finds the consumer, and knows its leader as soon as it is ready.
  await (await cluster.start(environment)).stop();
  replica = await cluster.start(environment);
});
afterAll(async () => {
  await cluster?.stop();
  await bus?.stop();
});

async function infoOfConsumer() {
  const manager = await bus.connection.jetstreamManager();
  return await manager.consumers.info(STREAM, CONSUMER).catch(() => undefined);
}

/** Resolves when the server sends this consumer's messages to nobody. */
async function nobodyPulls(): Promise<void> {
  await until(async () => ((await infoOfConsumer())?.num_waiting === 0 ? true : undefined));
}

async function changeLeader(): Promise<void> {
  const before = (await infoOfConsumer())?.cluster?.leader;
  await bus.connection.request(`$JS.API.CONSUMER.LEADER.STEPDOWN.${STREAM}.${CONSUMER}`);
  await until(async () => {
    const now = (await infoOfConsumer())?.cluster?.leader;
    return now === undefined || now === before ? undefined : now;
  }, 30_000);
}

it("takes again what was skipped when the leader changed", async () => {
  const { workflows } = replica;
  const made = await workflows.createDefinition({ workspaceId: WORKSPACE, name: "taps" });
  await workflows.publishVersion({
    definitionId: made.definition?.id ?? "",
    trigger: { triggerType: TriggerType.EVENT, eventType: "siphon.tap.crm.contact.created" },
    steps: [{ id: "pause", stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 0.1 } }],
  });
  process.kill(replica.pid, "SIGSTOP");
  try {
    await nobodyPulls();
    const event = { workspaceId: WORKSPACE, provider: "crm", entityType: "contact" };
    const rest = { entityId: "c1", action: "created", id: "tap-skipped" };
    await publishTapEvent(bus.connection, { ...event, ...rest });
    const consumer = await bus.connection.jetstream().consumers.get(STREAM, CONSUMER);
    expect(await (await consumer.next())?.ackAck()).toBe(true);
    await changeLeader();
  } finally {
    process.kill(replica.pid, "SIGCONT");
  }
  const runs = await until(async () => {
    const found = await cluster.rows("select trigger_event_id as event from workflow_runs");
    return found.length > 0 ? found : undefined;
  }, 30_000);
  expect(runs).toEqual([{ event: "tap-skipped" }]);
});
