/**
 * Two replicas on a cluster of NATS whose leading node is killed again and again under load: no acknowledged run is
 * lost, all end, nothing is done twice, and every change is published.
 * Boundary: needs TEST_DATABASE_URL, the compiled service and the program nats-server.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { linesOf } from "../../tools/verify/report.ts";
import { findStuckRuns } from "../../tools/verify/stuck-runs.ts";
import { verifyAll } from "../../tools/verify/verify-all.ts";
import { until } from "../support/assertions/until.ts";
import { type AcksSeen, watchAcks } from "../support/servers/acks-seen.ts";
import { type NatsTrio, REPLICAS, startNatsTrio } from "../support/servers/nats-trio.ts";
import { startLeads } from "../support/services/lead-events.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";
import { startLoad } from "../support/services/rolling-load.ts";

const STREAMS = {
  OBJECTIVES: "objectives.changes.>",
  APPROVALS: "approvals.changes.>",
  GOVERNANCE: "governance.changes.>",
  AGENTS: "agents.changes.>",
  SIPHON: "siphon.tap.>",
};
/** Consumers whose leaders are killed, in turn. */
const KILLED = ["SIPHON", "OBJECTIVES", "SIPHON", "WORKFLOWS", "SIPHON", "APPROVALS"];
const RUNS_WITHOUT_NODE = 20;
const RUNS_BETWEEN = 20;
const PATIENCE_MS = 60_000;

let trio: NatsTrio;
let cluster: Cluster;
let sandbox: Sandbox;
let replicas: Replica[];
let acks: AcksSeen;

beforeAll(async () => {
  trio = await startNatsTrio(STREAMS);
  cluster = await startCluster({ natsUrl: trio.urls.join(",") });
  sandbox = await startSandbox({
    natsUrl: cluster.natsUrl,
    script: { approvals: [{ match: {}, decision: "approved", afterMs: 200 }] },
  });
  const settings = { BUS_STREAM_REPLICAS: String(REPLICAS), RECONCILE_INTERVAL_MS: "5000" };
  const start = () => cluster.start({ ...sandbox.urls, ...settings });
  replicas = [await start(), await start()];
  acks = await watchAcks(trio.urls, "SIPHON", "workflows-siphon");
});
afterAll(async () => {
  await acks?.stop();
  await cluster?.stop();
  await sandbox?.stop();
  await trio?.stop();
});

it("loses nothing while leaders are killed", async () => {
  const [first] = replicas;
  if (first === undefined) throw new Error("no replica");
  const leads = await startLeads(first, trio.connection);
  const load = await startLoad(first);
  load.use(replicas);
  for (const stream of KILLED) {
    const restart = await trio.killLeader(stream, `workflows-${stream.toLowerCase()}`);
    await load.startMore(RUNS_WITHOUT_NODE);
    await restart();
    await load.startMore(RUNS_BETWEEN);
    await trio.settled();
  }
  const started = await load.finish().catch(async (error) => {
    const stuck = await findStuckRuns(cluster.databaseUrl, 1);
    for (const { runId, state, idleSeconds, lines } of stuck.slice(0, 8)) {
      console.log(runId, state, idleSeconds, lines.join("\n   "));
    }
    console.log(stuck.length);
    console.log(
      await cluster.rows(
        "select r.state, s.step_index, s.state as ss, count(*)::int from workflow_runs r join step_runs s on s.run_id=r.id group by 1,2,3",
      ),
    );
    console.log(await cluster.rows("select * from effects limit 5"));
    const manager = await trio.connection.jetstreamManager();
    for await (const st of manager.streams.list()) {
      console.log(st.config.name, JSON.stringify(st.cluster), JSON.stringify(st.state));
      for await (const c of manager.consumers.list(st.config.name))
        console.log(
          "  ",
          c.name,
          c.num_pending,
          c.num_ack_pending,
          c.num_redelivered,
          JSON.stringify(c.ack_floor),
          JSON.stringify(c.delivered),
          JSON.stringify(c.cluster),
        );
    }
    for (const r of replicas) {
      for (const l of r.logged.slice(-25)) console.log(JSON.stringify(l).slice(0, 300));
    }
    throw error;
  });
  const created = await leads.finish();
  await consumed();
  const missing = await findMissing(created);
  console.log(started.length, created.length, missing);
  const reports = await verifyAll({
    databaseUrl: cluster.databaseUrl,
    natsUrl: trio.urls[0] ?? "",
    acknowledged: started,
    ledgers: sandbox.ledgers,
    quiescent: true,
  });
  console.log(reports.flatMap(linesOf).join("\n"));
  expect(reports.filter(({ outcome }) => outcome === "violated").flatMap(linesOf)).toEqual([]);
});

/** Resolves when the server says that all was delivered and acknowledged, and all is published. */
async function consumed(): Promise<void> {
  const manager = await trio.connection.jetstreamManager();
  await until(async () => {
    const info = await manager.consumers.info("SIPHON", "workflows-siphon").catch(() => undefined);
    if (info === undefined || info.num_pending + info.num_ack_pending > 0) return undefined;
    const unpublished = await cluster.rows("select 1 from move_batches where published_at is null");
    return unpublished.length === 0 ? true : undefined;
  }, PATIENCE_MS);
}

async function findMissing(created: readonly string[]) {
  const runs = await cluster.rows<{ event: string; state: string }>(
    "select trigger_event_id as event, state from workflow_runs where trigger_event_id <> ''",
  );
  const byEvent = new Map(runs.map(({ event, state }) => [event, state]));
  const manager = await trio.connection.jetstreamManager();
  const { state } = await manager.streams.info("SIPHON");
  const unacked: number[] = [];
  for (let seq = 1; seq <= state.last_seq; seq += 1) if (!acks.seqs.has(seq)) unacked.push(seq);
  return {
    stored: state.messages,
    unacked,
    noRun: created.filter((id) => !byEvent.has(id)),
    open: [...byEvent].filter(([, st]) => st !== "COMPLETED"),
    twice: runs.length - byEvent.size,
  };
}
