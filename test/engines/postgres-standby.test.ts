/**
 * Two replicas on a Postgres whose synchronous standby takes its place under load: no acknowledged run is lost, all end,
 * nothing is done twice, and starts are accepted again within seconds.
 * Boundary: needs the compiled service and the programs of Postgres and nats-server. What stands for the address of a
 * managed Postgres is a relay that the test moves.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { linesOf } from "../../tools/verify/report.ts";
import { verifyAll } from "../../tools/verify/verify-all.ts";
import { until } from "../support/assertions/until.ts";
import { type CommitCutter, startCommitCutter } from "../support/servers/commit-cutter.ts";
import { type PostgresPair, startPostgresPair } from "../support/servers/postgres-pair.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";
import { startLoad } from "../support/services/rolling-load.ts";

const RUNS_A_PHASE = 60;
/** From the moment that the new primary can be reached to the next acknowledged start. */
const RECOVERY_MS = 5_000;

let pair: PostgresPair;
let relay: CommitCutter;
let cluster: Cluster;
let sandbox: Sandbox;
let replicas: Replica[];

beforeAll(async () => {
  pair = await startPostgresPair();
  relay = await startCommitCutter(pair.primaryUrl);
  cluster = await startCluster({
    database: async () => ({ url: relay.url, drop: async () => {} }),
  });
  sandbox = await startSandbox({
    natsUrl: cluster.natsUrl,
    script: { approvals: [{ match: {}, decision: "approved", afterMs: 200 }] },
  });
  replicas = [await cluster.start(sandbox.urls), await cluster.start(sandbox.urls)];
});
afterAll(async () => {
  await cluster?.stop();
  await sandbox?.stop();
  await relay?.stop();
  await pair?.stop();
});

it("goes on at the standby", async () => {
  const [first] = replicas;
  if (first === undefined) throw new Error("no replica");
  const load = await startLoad(first);
  load.use(replicas);
  await load.startMore(RUNS_A_PHASE);

  pair.killPrimary();
  relay.stayAway();
  await pair.promote();
  relay.moveTo(pair.standbyUrl);
  relay.mend();
  const acceptedAt = performance.now();
  await load.startMore(1);
  const recoveryMs = performance.now() - acceptedAt;
  await load.startMore(RUNS_A_PHASE);
  const started = await load.finish();

  await published();
  const reports = await verifyAll({
    databaseUrl: cluster.databaseUrl,
    natsUrl: cluster.natsUrl,
    acknowledged: started,
    ledgers: sandbox.ledgers,
    quiescent: true,
  });
  console.log(Math.round(recoveryMs), started.length, reports.flatMap(linesOf).join("\n"));
  expect(reports.filter(({ outcome }) => outcome === "violated").flatMap(linesOf)).toEqual([]);
  expect(recoveryMs).toBeLessThan(RECOVERY_MS);
});

/** Resolves when every change is out. */
async function published(): Promise<void> {
  await until(async () => {
    const left = await cluster.rows("select 1 from move_batches where published_at is null");
    return left.length === 0 ? true : undefined;
  });
}
