/**
 * The service on a NATS cluster whose leaders are killed again and again. No run is lost, no task is done twice, and every
 * change is published. What the server itself skips is counted apart.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { publishTapEvent } from "../../src/sandbox/tap.ts";
import { until } from "../support/assertions/until.ts";
import { type AcksSeen, watchAcks } from "../support/engines/acks-seen.ts";
import { sortEvents } from "../support/engines/events-without-runs.ts";
import { type NatsCluster, startNatsCluster } from "../support/engines/nats-cluster.ts";
import { untilKept } from "../support/engines/proof.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";
import { startLoad, TASKS_A_RUN } from "../support/services/rolling-load.ts";

const KILLS = 6;
const KILL_EVERY_MS = 5_000;
const DOWN_MS = 1_000;
const TAP_EVERY_MS = 50;
const TAPPED = "siphon.tap.crm.contact.created";
const WORKSPACE = "ws_1";
const STREAMS: Readonly<Record<string, string>> = {
  OBJECTIVES: "objectives.changes.>",
  APPROVALS: "approvals.changes.>",
  GOVERNANCE: "governance.changes.>",
  AGENTS: "agents.changes.>",
  SIPHON: "siphon.tap.>",
  WORKFLOWS: "workflows.changes.>",
};

let bus: NatsCluster;
let cluster: Cluster;
let sandbox: Sandbox;
let acks: AcksSeen;
beforeAll(async () => {
  bus = await startNatsCluster();
  for (const [name, subject] of Object.entries(STREAMS)) await bus.makeStream(name, subject);
  cluster = await startCluster({ natsUrl: bus.urls });
  sandbox = await startSandbox({
    natsUrl: bus.urls,
    script: { approvals: [{ match: {}, decision: "approved", afterMs: 200 }] },
  });
});
afterAll(async () => {
  await acks?.stop();
  await cluster?.stop();
  await sandbox?.stop();
  await bus?.stop();
});

/** Publishes events that each start a run, until `finish`: it gives the ids of those that the stream has acknowledged. */
async function startTaps({ workflows }: Replica) {
  const { definition } = await workflows.createDefinition({ workspaceId: WORKSPACE, name: "taps" });
  await workflows.publishVersion({
    definitionId: definition?.id ?? "",
    trigger: { triggerType: TriggerType.EVENT, eventType: TAPPED },
    steps: [{ id: "pause", stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 0.1 } }],
  });
  let stopping = false;
  const acknowledged: string[] = [];
  const publishOne = (n: number) =>
    until(async () => {
      const event = { workspaceId: WORKSPACE, provider: "crm", entityType: "contact" };
      const rest = { entityId: `c${n}`, action: "created", id: `tap-${n}` };
      const sent = publishTapEvent(bus.connection, { ...event, ...rest });
      return sent.then(() => true).catch(() => undefined);
    }, 60_000);
  const running = (async () => {
    for (let n = 0; !stopping; n += 1) {
      await publishOne(n);
      acknowledged.push(`tap-${n}`);
      await delay(TAP_EVERY_MS);
    }
  })();
  return {
    async finish() {
      stopping = true;
      await running;
      return acknowledged;
    },
  };
}

/** Ids of the published events that have a run. */
async function findStarted(): Promise<ReadonlySet<string>> {
  const rows = await cluster.rows<{ id: string }>(
    "select trigger_event_id as id from workflow_runs where trigger_event_id like 'tap-%'",
  );
  return new Set(rows.map(({ id }) => id));
}

it("ends every run, once, with a leader killed every few seconds", async () => {
  const environment = { ...sandbox.urls, BUS_STREAM_REPLICAS: "3", RECONCILE_INTERVAL_MS: "5000" };
  const [first, second] = await Promise.all([
    cluster.start(environment),
    cluster.start(environment),
  ]);
  acks = await watchAcks(bus.urls.split(","), "SIPHON", "workflows-siphon");
  const load = await startLoad(first);
  load.use([first, second]);
  const taps = await startTaps(first);
  const names = Object.keys(STREAMS);
  for (let n = 0; n < KILLS; n += 1) {
    await delay(KILL_EVERY_MS);
    await bus.killLeader(names[n % names.length] ?? "", DOWN_MS);
  }
  const ids = await load.finish();
  const events = await taps.finish();
  const seen = { events, findStarted, acked: acks.seqs };
  const { lost, skipped, unseen } = await sortEvents(bus.connection, "SIPHON", seen);
  // What a server skips is not ours: the count is for whoever reads the output (docs/scaling.md).
  console.log(
    `${events.length} events of the outside stored, ${skipped.length} never delivered, ${lost.length} lost, ` +
      `of ${unseen} with a run no acknowledgement was seen`,
  );
  expect(lost).toEqual([]);
  expect(ids.length).toBeGreaterThan(KILLS);
  const { objectives } = sandbox.ledgers;
  expect(objectives).toHaveLength(TASKS_A_RUN * ids.length);

  const proved = { databaseUrl: cluster.databaseUrl, natsUrl: bus.urls };
  expect(await untilKept({ ...proved, acknowledged: ids, ledgers: sandbox.ledgers })).toEqual([]);
});
