/**
 * Child runs at two replicas, real processes: whichever replica starts, reports, cancels or compensates a child, and whichever
 * dies half-way, an item has one child, the parent ends, and its cost is the sum.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. No collaborator is configured: children are human tasks.
 */
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type PublishVersionRequestSchema,
  StepRunState,
  StepType,
  TriggerType,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

type Version = Omit<
  MessageInitShape<typeof PublishVersionRequestSchema>,
  "definitionId" | "$typeName"
>;

const ITEMS = 60;
const COST_USD = 0.25;
const PATIENCE_MS = 30_000;

const task = { id: "task", name: "Task", stepType: StepType.HUMAN_TASK };
/** Ends as it begins: a list without items. */
const compensation = {
  ...{ id: "undo", name: "Undo", stepType: StepType.AGENT_ACTION },
  config: { workflow: { name: "nobody", for_each: "[]" } },
};
const CHILD: Version = {
  steps: [{ ...task, compensationStepId: "undo" }, compensation],
  trigger: { triggerType: TriggerType.WORKFLOW },
};

let cluster: Cluster;
let first: Replica;
let second: Replica;

beforeAll(async () => {
  cluster = await startCluster();
  [first, second] = await Promise.all([cluster.start(), cluster.start()]);
  await define("child", CHILD);
});
afterAll(() => cluster?.stop());

async function define(name: string, version: Version): Promise<string> {
  const { definition } = await second.workflows.createDefinition({ workspaceId: "ws", name });
  const definitionId = definition?.id ?? "";
  await second.workflows.publishVersion({ definitionId, ...version });
  return definitionId;
}

async function startParent(at: Replica, items: number, more: Partial<Version> = {}) {
  const workflow = { name: "child", for_each: "list", max_parallel: 10, input: {} };
  const call = { id: "call", name: "Call", stepType: StepType.AGENT_ACTION, config: { workflow } };
  const definitionId = await define(randomUUID(), { steps: [call], ...more });
  const inputPayload = { list: Array.from({ length: items }, (_, n) => n) };
  const { run } = await at.workflows.startRun({ definitionId, inputPayload });
  return run?.id ?? "";
}

async function stateOf(runId: string) {
  const [row] = await cluster.rows<{ state: string; total_cost_usd: number }>(
    "select state, total_cost_usd from workflow_runs where id = $1",
    [runId],
  );
  return row;
}

function reaches(runId: string, state: string) {
  return until(async () => {
    const row = await stateOf(runId);
    return row?.state === state ? row : undefined;
  }, PATIENCE_MS);
}

/** States of a run's children, and how many are in each. */
async function childrenOf(runId: string): Promise<Record<string, number>> {
  const rows = await cluster.rows<{ state: string; n: number }>(
    "select state, count(*)::int as n from workflow_runs where parent_run_id = $1 group by state",
    [runId],
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}

/** Waits until all calls are made and their results committed. */
function quiet() {
  return until(async () => {
    const open = await cluster.rows("select 1 from effects limit 1");
    return open.length === 0 ? true : undefined;
  }, PATIENCE_MS);
}

/** Ends the tasks of open children by hand, through these replicas in turn, until so many have ended. */
async function endChildren(parentId: string, count: number, ...at: readonly Replica[]) {
  for (let ended = 0; ended < count; ) {
    const open = await until(async () => {
      const rows = await cluster.rows<{ id: string }>(
        "select id from workflow_runs where parent_run_id = $1 and state = 'RUNNING' limit $2",
        [parentId, count - ended],
      );
      return rows.length === 0 ? undefined : rows;
    }, PATIENCE_MS);
    await Promise.all(
      open.map(({ id }, n) =>
        at[n % at.length]?.workflows.transitionStep({
          ...{ runId: id, stepId: "task", state: StepRunState.COMPLETED },
          costUsd: COST_USD,
        }),
      ),
    );
    ended += open.length;
  }
}

/** Expires the leases of a dead replica at once, so that no test waits half a minute. */
async function freeCalls(): Promise<void> {
  await cluster.rows("update effects set lease_until = now()");
}

describe("two replicas", () => {
  it("cancel the children of a cancelled parent, also those whose start was in flight", async () => {
    const parent = await startParent(first, 20);
    await second.workflows.cancelRun({ id: parent });
    await quiet();
    const children = await childrenOf(parent);
    expect(Object.keys(children)).toEqual(["CANCELLED"]);
    expect((await stateOf(parent))?.state).toBe("CANCELLED");
  });

  it("cancel the children of a run whose deadline passes", async () => {
    const parent = await startParent(first, 3, { timeoutSeconds: 1 });
    await reaches(parent, "FAILED");
    await quiet();
    expect(await childrenOf(parent)).toEqual({ CANCELLED: 3 });
  });
});

describe("a replica that is killed", () => {
  it("half-way through a list leaves every item its one child, and the cost its sum", async () => {
    const parent = await startParent(first, ITEMS);
    await endChildren(parent, ITEMS / 2, first, second);
    await first.kill();
    await freeCalls();
    await endChildren(parent, ITEMS / 2, second);
    const { total_cost_usd } = await reaches(parent, "COMPLETED");
    expect(total_cost_usd).toBe(ITEMS * COST_USD);
    await quiet();
    expect(await childrenOf(parent)).toEqual({ COMPLETED: ITEMS });
    const { run } = await second.workflows.getRun({ id: parent });
    const ids = run?.steps[0]?.outputPayload?.run_ids;
    expect(new Set(Array.isArray(ids) ? ids : []).size).toBe(ITEMS);
  });

  it("while children are compensated leaves each compensated once", async () => {
    first = await cluster.start();
    const parent = await startParent(second, 20);
    await endChildren(parent, 12, first, second);
    // A child that was never started has nothing to compensate.
    await until(async () => {
      const { RUNNING, COMPLETED } = await childrenOf(parent);
      return RUNNING === 8 && COMPLETED === 12 ? true : undefined;
    }, PATIENCE_MS);
    await first.workflows.compensateRun({ id: parent });
    await first.kill();
    await freeCalls();
    await reaches(parent, "FAILED");
    await quiet();
    const compensated = await cluster.rows(
      `select r.id from workflow_runs r join step_runs s on s.run_id = r.id and s.step_index = 1
        where r.parent_run_id = $1 and r.state = 'FAILED' and s.retry_count = 0
          and s.state = 'COMPLETED'`,
      [parent],
    );
    expect(compensated).toHaveLength(12);
    // The others have nothing to compensate: they are FAILED where that was found before the cancel.
    const { CANCELLED = 0, FAILED = 0, ...others } = await childrenOf(parent);
    expect(others).toEqual({});
    expect(CANCELLED + FAILED).toBe(20);
    expect((await stateOf(parent))?.total_cost_usd).toBe(12 * COST_USD);
    const { run } = await second.workflows.getRun({ id: parent });
    expect(run?.steps[0]?.state).toBe(StepRunState.CANCELLED);
  });
});
