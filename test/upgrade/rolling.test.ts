/**
 * Two versions side by side on one database, under load: the new one migrates while the old one works, replicas are
 * replaced one by one, one goes back and forth. No accepted run fails, nothing is done twice.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { makeFreshDatabase } from "../../tools/parts/fresh-database.ts";
import type { CompiledService } from "../../tools/test-service.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";
import { startLoad, TASKS_A_RUN } from "../support/services/rolling-load.ts";
import { compileCommit, findPreviousCommit } from "../support/upgrade/earlier-build.ts";

/** The last commit of the schema of release 0.1.0. */
const RELEASE_0_1_0 = "15292beed4178839fd68b001eabc57655bb85a22";
const RUNS_A_PHASE = 15;

describe.each([
  ["the commit before", findPreviousCommit],
  ["release 0.1.0", async () => RELEASE_0_1_0],
])("from %s", (_name, findCommit) => {
  let earlier: CompiledService;
  let cluster: Cluster;
  let sandbox: Sandbox;
  beforeAll(async () => {
    earlier = await compileCommit(await findCommit());
    cluster = await startCluster({ database: () => makeFreshDatabase(serverUrl()) });
    sandbox = await startSandbox({
      natsUrl: cluster.natsUrl,
      script: { approvals: [{ match: {}, decision: "approved", afterMs: 200 }] },
    });
  });
  afterAll(async () => {
    await cluster?.stop();
    await sandbox?.stop();
    await earlier?.remove();
  });

  it("replicas are replaced one by one", async () => {
    const start = (compiled?: string) => cluster.start(sandbox.urls, compiled);
    const old1 = await start(earlier.path);
    const old2 = await start(earlier.path);
    const load = await startLoad(old1);
    load.use([old1, old2]);
    await load.startMore(RUNS_A_PHASE);

    const new1 = await start();
    load.use([old1, old2, new1]);
    await load.startMore(RUNS_A_PHASE);

    load.use([old2, new1]);
    await old1.stop();
    const new2 = await start();
    load.use([old2, new1, new2]);
    await load.startMore(RUNS_A_PHASE);

    // One goes back, and forth again.
    load.use([old2, new1]);
    await new2.stop();
    const back = await start(earlier.path);
    load.use([old2, new1, back]);
    await load.startMore(RUNS_A_PHASE);
    load.use([new1]);
    await Promise.all([old2.stop(), back.stop()]);
    const new3 = await start();
    load.use([new1, new3]);
    await load.startMore(RUNS_A_PHASE);

    const ids = await load.finish();
    expect(ids.length).toBeGreaterThanOrEqual(5 * RUNS_A_PHASE);
    const [stored] = await cluster.rows<{ runs: number; completed: number }>(
      `select count(*)::int as runs, count(*) filter (where state = 'COMPLETED')::int as completed
        from workflow_runs`,
    );
    expect(stored).toEqual({ runs: ids.length, completed: ids.length });
    const keys = sandbox.ledgers.objectives.map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toHaveLength(TASKS_A_RUN * ids.length);
    expect(new Set(keys).size).toBe(keys.length);
    expect(sandbox.ledgers.approvals).toHaveLength(ids.length);
  });
});

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined) throw new Error("TEST_DATABASE_URL names no Postgres");
  return url;
}
