/** Postgres dies under load and its synchronous standby takes over: no acknowledged run is lost, nothing is done twice. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { type PostgresPair, startPostgresPair } from "../support/engines/postgres-pair.ts";
import { untilKept } from "../support/engines/proof.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";
import { startLoad, TASKS_A_RUN } from "../support/services/rolling-load.ts";

const RUNS_BEFORE = 30;
const RUNS_AFTER = 30;
/** From the kill to the first run that the new primary has. */
const AWAY_AT_MOST_MS = 20_000;

let postgres: PostgresPair;
let cluster: Cluster;
let sandbox: Sandbox;
beforeAll(async () => {
  postgres = await startPostgresPair();
  const database = async () => ({ url: postgres.url, drop: async () => {} });
  cluster = await startCluster({ database });
  sandbox = await startSandbox({
    natsUrl: cluster.natsUrl,
    script: { approvals: [{ match: {}, decision: "approved", afterMs: 200 }] },
  });
});
afterAll(async () => {
  await cluster?.stop();
  await sandbox?.stop();
  await postgres?.stop();
});

it("runs go on at the standby", async () => {
  const environment = { ...sandbox.urls, RECONCILE_INTERVAL_MS: "5000" };
  const first = await cluster.start(environment);
  const second = await cluster.start(environment);
  const load = await startLoad(first);
  load.use([first, second]);
  await load.startMore(RUNS_BEFORE);

  const killedAtMs = performance.now();
  await postgres.failOver();
  await load.startMore(1);
  const awayMs = performance.now() - killedAtMs;
  await load.startMore(RUNS_AFTER);
  const ids = await load.finish();
  console.log(`first run after ${Math.round(awayMs)} ms`);
  expect(awayMs).toBeLessThan(AWAY_AT_MOST_MS);
  expect(sandbox.ledgers.objectives).toHaveLength(TASKS_A_RUN * ids.length);

  const { databaseUrl, natsUrl } = cluster;
  const { ledgers } = sandbox;
  expect(await untilKept({ databaseUrl, natsUrl, acknowledged: ids, ledgers })).toEqual([]);
});
