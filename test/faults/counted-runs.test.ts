/** kill -9 between the commit of runs and the mark of their events: the counters are what a count over the runs gives. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { COUNTER_KINDS } from "../../src/store/run-counts.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const WAITING = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
  and query like '%set published_at = clock_timestamp()%'`;
const ROUNDS = 3;
const RUNS_A_ROUND = 120;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

/** Starts runs and ends each in a way of its own, until the replica is gone. */
async function work({ workflows }: Replica, definitionId: string): Promise<void> {
  const one = async (n: number) => {
    const runId = (await workflows.startRun({ definitionId })).run?.id ?? "";
    if (n % 4 === 0) return;
    if (n % 4 === 1) await workflows.cancelRun({ id: runId, reason: "no need" });
    else {
      const state = n % 4 === 2 ? StepRunState.COMPLETED : StepRunState.FAILED;
      await workflows.transitionStep({ runId, stepId: "work", state, costUsd: 0.25 });
    }
  };
  await Promise.allSettled(Array.from({ length: RUNS_A_ROUND }, (_, n) => one(n)));
}

/** Does something while a mark of publishing waits in Postgres, which then goes on without its client, or is ended. */
async function holdMarks(meanwhile: () => Promise<void>, end: boolean): Promise<void> {
  const locker = new pg.Client({ connectionString: cluster.databaseUrl });
  await locker.connect();
  try {
    await until(async () => {
      await locker.query("begin");
      const { rowCount } = await locker.query(
        `select 1 from move_batches b where published_at is null and exists (
          select 1 from run_moves m join workflow_runs r on r.id = m.run_id
          where m.batch_id = b.id and r.completed_at is not null) for update`,
      );
      if ((rowCount ?? 0) > 0) return true;
      await locker.query("rollback");
      return undefined;
    });
    await until(async () => {
      const waiting = await cluster.rows(WAITING);
      return waiting.length > 0 ? true : undefined;
    });
    await meanwhile();
    if (end) await cluster.rows(`select pg_terminate_backend(pid) from (${WAITING}) as waiting`);
    await locker.query("rollback");
  } finally {
    await locker.end();
  }
}

it("counts each run once, whatever was killed", async () => {
  let replica = await cluster.start();
  const { definition } = await replica.workflows.createDefinition({ workspaceId: "w", name: "n" });
  const definitionId = definition?.id ?? "";
  const steps = [{ id: "work", name: "Work", stepType: StepType.HUMAN_TASK }];
  await replica.workflows.publishVersion({ definitionId, steps });
  for (let round = 0; round < ROUNDS; round += 1) {
    const working = work(replica, definitionId);
    await holdMarks(async () => replica.kill(), round % 2 === 0);
    await working;
    replica = await cluster.start();
  }
  await work(replica, definitionId);
  await until(async () => {
    const left = await cluster.rows(
      "select 1 from move_batches where published_at is null limit 1",
    );
    return left.length === 0 ? true : undefined;
  });
  const ofRuns = await cluster.rows(
    `select count(*)::integer as started, count(*) filter (where state = 'COMPLETED')::integer as succeeded,
      count(*) filter (where state = 'FAILED')::integer as failed,
      count(*) filter (where state = 'CANCELLED')::integer as cancelled,
      sum(total_cost_usd) filter (where completed_at is not null)::float8 as cost
    from workflow_runs`,
  );
  const ends = (outcome: string) =>
    `coalesce(sum(runs) filter (where kind = ${COUNTER_KINDS.ended} and name = '${outcome}'), 0)::integer`;
  const counted = await cluster.rows(
    `select coalesce(sum(runs) filter (where kind = ${COUNTER_KINDS.started}), 0)::integer as started,
      ${ends("SUCCEEDED")} as succeeded, ${ends("FAILED")} as failed, ${ends("CANCELLED")} as cancelled,
      sum(cost_usd)::float8 as cost
    from workflow_counters where day > 0 and definition_id = $1`,
    [definitionId],
  );
  expect(counted).toEqual(ofRuns);
  expect(ofRuns[0]?.failed).toBeGreaterThan(0);
  const events = await cluster.rows(
    "select 1 from workflow_counters where kind = $1 and definition_id = $2",
    [COUNTER_KINDS.reported, definitionId],
  );
  expect(events).toHaveLength(1);
});
