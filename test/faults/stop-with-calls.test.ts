/** SIGTERM to a replica whose calls are under way: they are given back in time, and a SIGKILL after it costs time only. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const RUNS = 10;
const CREATE = "objectives.v1.ObjectiveService/Create";
/** 10 s for the calls under way, and what another replica's claim takes. A lease that must run out takes 20 s. */
const GIVEN_BACK_WITHIN_MS = 15_000;
const GOES_ON_WITHIN_MS = 30_000;

let cluster: Cluster;
let sandbox: Sandbox;
let definitionId: string;
let other: Replica;
beforeAll(async () => {
  cluster = await startCluster();
  sandbox = await startSandbox({ natsUrl: cluster.natsUrl });
  other = await cluster.start(sandbox.urls);
  const made = await other.workflows.createDefinition({ workspaceId: "ws", name: "work" });
  definitionId = made.definition?.id ?? "";
  const step = { id: "work", stepType: StepType.AGENT_ACTION, agentId: "agent_sandbox" };
  await other.workflows.publishVersion({ definitionId, steps: [step] });
});
afterAll(async () => {
  await cluster?.stop();
  await sandbox?.stop();
});

async function count(text: string): Promise<number> {
  const [row] = await cluster.rows<{ n: number }>(`select count(*)::int as n from ${text}`);
  return row?.n ?? 0;
}

/** A replica whose every call hangs at its owner. It is told to stop; the owner answers from then on. */
async function stopWithCalls(): Promise<Replica> {
  // Longer than a stop may take: no call under way ends by itself.
  const replica = await cluster.start({ ...sandbox.urls, COLLABORATOR_TIMEOUT_MS: "60000" });
  sandbox.troubles.begin(CREATE, "hang");
  await Promise.all(
    Array.from({ length: RUNS }, () => replica.workflows.startRun({ definitionId })),
  );
  const held = "effects where kind = 'create_objective' and holder <> ''";
  await until(async () => (await count(held)) === RUNS || undefined);
  process.kill(replica.pid, "SIGTERM");
  await until(() => replica.logged.some(({ message }) => message === "stopping") || undefined);
  sandbox.troubles.end(CREATE);
  return replica;
}

it("gives calls back within 10 s that do not end", async () => {
  const before = sandbox.ledgers.objectives.length;
  await stopWithCalls();
  await until(
    () => sandbox.ledgers.objectives.length - before === RUNS || undefined,
    GIVEN_BACK_WITHIN_MS,
  );
});

it("killed right after the signal, loses nothing and does nothing twice", async () => {
  const before = sandbox.ledgers.objectives.length;
  await (await stopWithCalls()).kill();
  await until(
    () => sandbox.ledgers.objectives.length - before === RUNS || undefined,
    GOES_ON_WITHIN_MS,
  );
});

it("ends every run, once", async () => {
  const open = "workflow_runs where state <> 'COMPLETED'";
  await until(async () => (await count(open)) === 0 || undefined, GOES_ON_WITHIN_MS);
  expect(await count("workflow_runs")).toBe(2 * RUNS);
  const keys = sandbox.ledgers.objectives.map(({ idempotencyKey }) => idempotencyKey);
  expect(new Set(keys).size).toBe(2 * RUNS);
  expect(keys).toHaveLength(2 * RUNS);
});
