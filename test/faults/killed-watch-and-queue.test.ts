/** kill -9 of the replica that serves a WatchWorkflows, and of those that start and end runs while others wait for their turn. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { WhenFull } from "../../gen/workflows/ops/v1/run_limits_pb.ts";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { COUNTER_KINDS } from "../../src/store/run-counts.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

let cluster: Cluster;
/** Both alive but for the moment between a kill and the next start. */
let replicas: [Replica, Replica];
beforeAll(async () => {
  cluster = await startCluster();
  replicas = await Promise.all([cluster.start(), cluster.start()]);
});
afterAll(() => cluster.stop());

async function killAndReplace(place: 0 | 1): Promise<void> {
  await replicas[place].kill();
  replicas[place] = await cluster.start();
}

/** Takes changes from a replica, and goes on at another one with its cursor, until it is stopped. */
function follow(workspaceId: string) {
  const taken: string[] = [];
  const state: { place: 0 | 1 } = { place: 0 };
  const ended = new AbortController();
  const done = (async () => {
    let after = "";
    while (!ended.signal.aborted) {
      const { sources } = replicas[state.place];
      const request = { workspaceId, after, fromOldest: after === "" };
      try {
        for await (const { cursor, change } of sources.watchWorkflows(request, ended)) {
          after = cursor;
          if (change !== undefined) taken.push(change.eventId);
        }
      } catch {
        // It was killed: the other one goes on.
      }
    }
  })();
  const stop = () => {
    ended.abort();
    return done;
  };
  return { taken, state, stop };
}

it("a watcher that goes on elsewhere with its cursor gets every change once, in order", async () => {
  const workspaceId = "watched";
  const watcher = follow(workspaceId);
  let named = 0;
  const write = async ({ sources }: Replica) => {
    for (let n = 0; n < 25; n += 1) {
      named += 1;
      const { workflow } = await sources.create({ workspaceId, name: `w${named}` });
      await sources.archive({ definitionId: workflow?.definition?.id ?? "", reason: "over" });
    }
  };
  for (const place of [0, 1] as const) {
    const before = watcher.taken.length;
    const writing = Promise.allSettled([...replicas, ...replicas].map(write));
    await until(async () => (watcher.taken.length > before + 10 ? true : undefined));
    const killed = killAndReplace(place);
    watcher.state.place = place === 0 ? 1 : 0;
    await Promise.all([writing, killed]);
  }
  const stored = await cluster.rows<{ id: string }>(
    "select change->>'id' as id from workflow_changes where workspace_id = $1 order by seq",
    [workspaceId],
  );
  await until(async () => (watcher.taken.length >= stored.length ? true : undefined));
  await watcher.stop();
  expect(watcher.taken).toEqual(stored.map(({ id }) => id));
  expect(stored.length).toBeGreaterThan(100);
});

const RUNS = 40;
const AT_ONCE = 2;

it("no run that waits for its turn is lost, and none is started twice", async () => {
  const runLimit = { maxOpenRuns: AT_ONCE, whenFull: WhenFull.QUEUE };
  const made = await replicas[0].sources.create({ workspaceId: "queued", name: "n", runLimit });
  const definitionId = made.workflow?.definition?.id ?? "";
  const steps = [{ id: "work", name: "Work", stepType: StepType.HUMAN_TASK }];
  await replicas[0].workflows.publishVersion({ definitionId, steps });
  const start = async (n: number) => {
    const headers = { "Idempotency-Key": `start-${n}` };
    const { run } = await replicas[n % 2 === 0 ? 0 : 1].workflows.startRun(
      { definitionId },
      { headers },
    );
    return run?.id ?? "";
  };
  let answered = 0;
  const all = Array.from({ length: RUNS }, (_, n) => n);
  const starting = Promise.allSettled(all.map((n) => start(n).then(() => (answered += 1))));
  await until(async () => (answered > 5 ? true : undefined));
  await killAndReplace(0);
  await starting;
  const repeated = all.map((n) => until(() => start(n).catch(() => undefined)));
  const runIds = new Set(await Promise.all(repeated));
  expect(runIds.size).toBe(RUNS);

  let left = RUNS;
  for (let round = 0; left > 0; round += 1) {
    const open = await cluster.rows<{ id: string }>(
      "select id from workflow_runs where definition_id = $1 and state = 'RUNNING'",
      [definitionId],
    );
    expect(open.length).toBeLessThanOrEqual(AT_ONCE);
    const ending = Promise.allSettled(
      open.map(({ id: runId }, n) =>
        replicas[n % 2 === 0 ? 0 : 1].workflows.transitionStep({
          ...{ runId, stepId: "work", state: StepRunState.COMPLETED },
        }),
      ),
    );
    // One dies while runs end and others begin in their place.
    if (round === 5) await killAndReplace(1);
    await ending;
    const [row] = await cluster.rows<{ left: number }>(
      "select count(*)::integer as left from workflow_runs where definition_id = $1 and state <> 'COMPLETED'",
      [definitionId],
    );
    left = row?.left ?? 0;
  }
  const stored = await cluster.rows<{ id: string }>(
    "select id from workflow_runs where definition_id = $1",
    [definitionId],
  );
  expect(new Set(stored.map(({ id }) => id))).toEqual(runIds);
  const counted = async () => {
    const [row] = await cluster.rows<{ runs: number }>(
      "select coalesce(sum(runs), 0)::integer as runs from workflow_counters where kind = $1 and definition_id = $2 and day > 0",
      [COUNTER_KINDS.started, definitionId],
    );
    return row?.runs ?? 0;
  };
  await until(async () => ((await counted()) >= RUNS ? true : undefined));
  expect(await counted()).toBe(RUNS);
});
