/**
 * The same events repeatedly, by the bus and by RPC, at two replicas that are killed in between: an event starts one run
 * and ends a wait once, and the published events of a run are in order and without repeats.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server.
 */
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const CREATED = "siphon.tap.shop.order.created";
const PAID = "siphon.tap.shop.order.paid";
const ORDERS = Array.from({ length: 8 }, (_, n) => n);
const TIMES = 5;
const PATIENCE_MS = 30_000;

let cluster: Cluster;
let replicas: Replica[];
let bus: NatsConnection;

beforeAll(async () => {
  cluster = await startCluster();
  await startReplicas();
  bus = await connect({ servers: cluster.natsUrl });
});
afterAll(async () => {
  await bus?.close();
  await cluster?.stop();
});

async function startReplicas(): Promise<void> {
  replicas = await Promise.all([cluster.start(), cluster.start()]);
}

/** Without an id of its own for NATS: every publish is a message. */
async function publish(type: string, id: string, order: number): Promise<void> {
  const event = { specversion: "1.0", source: "shop", tenantid: "ws", id, type, subject: type };
  await bus.jetstream().publish(type, JSON.stringify({ ...event, data: { order } }));
}

/** Publishes each order several times, and once by RPC; both replicas are killed in the middle. */
async function tellOften(type: string, name: string): Promise<void> {
  for (let time = 1; time <= TIMES; time += 1) {
    await Promise.all(ORDERS.map((order) => publish(type, `${name}-${order}`, order)));
    if (time !== 3) continue;
    const calls = ORDERS.map((order) =>
      replicas[order % 2]?.workflows.handleTrigger({
        ...{
          workspaceId: "ws",
          triggerType: TriggerType.EVENT,
          triggerEventId: `${name}-${order}`,
        },
        ...{ eventType: type, eventSubject: type, inputPayload: { order } },
      }),
    );
    // Which calls are answered depends on the moment of the kill.
    const answered = Promise.allSettled(calls);
    await Promise.all(replicas.map((replica) => replica.kill()));
    await answered;
    await startReplicas();
  }
}

/** Resolves when every order's run waits at this step. */
async function areWaiting(stepIndex: number): Promise<void> {
  const waiting = "select 1 from step_runs where step_index = $1 and completed_at is null";
  await until(async () => {
    const rows = await cluster.rows(waiting, [stepIndex]);
    return rows.length === ORDERS.length || undefined;
  }, PATIENCE_MS);
}

interface Published {
  readonly id: string;
  readonly type: string;
  readonly partitionkey?: string;
  readonly data: { readonly step?: { readonly step_id: string } };
}

async function readStream(): Promise<Published[]> {
  const { streams } = await bus.jetstreamManager();
  const { first_seq, last_seq } = (await streams.info("WORKFLOWS")).state;
  const events: Published[] = [];
  // Of a stream without messages both are 0, which is no sequence.
  for (let seq = Math.max(first_seq, 1); seq <= last_seq; seq += 1) {
    events.push(JSON.parse((await streams.getMessage("WORKFLOWS", { seq })).string()));
  }
  return events;
}

/** The events published of a run, such as `paid waiting`. */
function toldOf(events: readonly Published[], runId: string): string[] {
  return events
    .filter(({ partitionkey }) => partitionkey === runId)
    .map(({ type, data }) => `${data.step?.step_id ?? "run"} ${type.split(".").at(-1)}`);
}

it("starts one run an event and ends each wait once, in order", { timeout: 120_000 }, async () => {
  const wait = (id: string) => ({
    ...{ id, name: id, stepType: StepType.WAIT_FOR_EVENT, eventTypePattern: PAID },
    config: { filter_expr: "order == input.order" },
  });
  const [author] = replicas;
  const made = await author?.workflows.createDefinition({ workspaceId: "ws", name: "orders" });
  await author?.workflows.publishVersion({
    definitionId: made?.definition?.id ?? "",
    steps: [wait("paid"), wait("again")],
    edges: [{ fromStepId: "paid", toStepId: "again" }],
    trigger: { triggerType: TriggerType.EVENT, eventType: CREATED },
  });
  await tellOften(CREATED, "created");
  await areWaiting(0);
  await tellOften(PAID, "paid");
  await areWaiting(1);
  for (const order of ORDERS) await publish(PAID, `last-${order}`, order);
  const events = await until(async () => {
    const found = await readStream();
    const ended = found.filter(({ type }) => type.endsWith("run.completed"));
    return ended.length >= ORDERS.length ? found : undefined;
  }, PATIENCE_MS);

  const runs = await cluster.rows<{ id: string; event: string }>(
    "select id, trigger_event_id as event from workflow_runs order by trigger_event_id",
  );
  expect(runs.map(({ event }) => event)).toEqual(ORDERS.map((order) => `created-${order}`));
  for (const { id, event } of runs) {
    const order = event.split("-").at(-1);
    const steps = await cluster.rows<{ event_id: string }>(
      "select event_id from step_runs where run_id = $1 order by step_index",
      [id],
    );
    expect(steps.map(({ event_id }) => event_id)).toEqual([`paid-${order}`, `last-${order}`]);
    expect(toldOf(events, id)).toEqual([
      ...["run started", "paid started", "paid waiting", "paid completed"],
      ...["again started", "again waiting", "again completed", "run completed"],
    ]);
  }
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  expect(await cluster.rows("select 1 from dead_letters")).toEqual([]);
});
