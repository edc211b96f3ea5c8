/** kill -9 while a call with an Idempotency-Key is under way: a repeat at another replica does it, once, and soon. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";
import { refusedBy } from "../support/services/rpc-service.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

it("the lease of a dead replica ends within 5 s, and the repeat is done", async () => {
  const [dying, living] = await Promise.all([cluster.start(), cluster.start()]);
  const { definition } = await living.workflows.createDefinition({ workspaceId: "w", name: "n" });
  const definitionId = definition?.id ?? "";
  const steps = [{ id: "a", name: "A", stepType: StepType.HUMAN_TASK }];
  await living.workflows.publishVersion({ definitionId, steps });
  const id = (await living.workflows.startRun({ definitionId })).run?.id ?? "";
  const pause = ({ workflows }: typeof living) =>
    workflows.pauseRun({ id }, { headers: { "Idempotency-Key": "k" } });
  const left = () =>
    cluster.rows<{ seconds: number }>(
      "select extract(epoch from lease_until - clock_timestamp())::float8 as seconds from caller_keys",
    );

  const locker = new pg.Client({ connectionString: cluster.databaseUrl });
  await locker.connect();
  try {
    // The processor leaves a run that is locked elsewhere for its next batch: the call stays under way.
    await locker.query("begin");
    await locker.query("select 1 from workflow_runs where id = $1 for update", [id]);
    const lost = refusedBy(pause(dying));
    await until(async () => ((await left()).length > 0 ? true : undefined));
    await dying.kill();
    await lost;
    expect((await left())[0]?.seconds).toBeLessThan(5);
    await locker.query("rollback");
  } finally {
    await locker.end();
  }
  expect(await refusedBy(pause(living))).toMatchObject({ code: "Aborted" });
  const paused = await until(() => pause(living).catch(() => undefined));
  expect(paused.run?.state).toBe(WorkflowState.PAUSED);
  expect(await pause(living)).toEqual(paused);
});
