/** SIGTERM to a replica: it begins no further work, and ends within 20 s, orderly or not. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import { startCommitCutter } from "../support/servers/commit-cutter.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const END_WITHIN_MS = 20_000;
/** What starting and ending a process may take besides, on a machine that is busy. */
const SLOW_MACHINE_MS = 5_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const TOO_LONG = "the stop takes too long; the process ends without it";

function hasLogged(replica: Replica, message: string): boolean {
  return replica.logged.some((line) => line.message === message);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A call whose body never comes: the server waits for it as long as it waits for any. */
async function keepWaiting(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const path = "/workflows.v1.WorkflowService/StartRun";
  const head = `POST ${path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n`;
  await new Promise((resolve) => socket.write(`${head}content-length: 9\r\n\r\n{`, resolve));
  return socket;
}

function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

function startedBySlots(): Promise<{ at: number }[]> {
  const text = `select extract(epoch from created_at)::float8 * 1000 as at from workflow_runs
    where trigger_type = 'SCHEDULE'`;
  return cluster.rows(text);
}

it("claims no call after the signal, although a caller keeps the server waiting", async () => {
  const replica = await cluster.start();
  const port = replica.logged.find(({ message }) => message === "listening")?.port;
  const socket = await keepWaiting(Number(port));
  process.kill(replica.pid, "SIGTERM");
  await until(() => hasLogged(replica, "stopping") || undefined);
  await cluster.rows(
    `insert into effects (created_at, lease_until, step_index, attempt, id, workspace_id, kind,
        holder, request)
      values (now(), now() - interval '1 minute', 0, 1, 'wfr_none/0/1/tell_parent', 'ws',
        'tell_parent', 'dead', '')`,
  );
  await until(() => (isRunning(replica.pid) ? undefined : true), END_WITHIN_MS);
  expect(await cluster.rows("select holder from effects")).toEqual([{ holder: "dead" }]);
  expect(hasLogged(replica, TOO_LONG)).toBe(false);
  socket.destroy();
});

it("is not ready from the signal on, and fires no timer and no slot while it ends", async () => {
  const replica = await cluster.start();
  const { workflows } = replica;
  const port = Number(replica.logged.find(({ message }) => message === "listening")?.port);
  const task = { id: "late", stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 3 } };
  const made = await workflows.createDefinition({ workspaceId: "ws", name: "late" });
  const definitionId = made.definition?.id ?? "";
  await workflows.publishVersion({ definitionId, steps: [task] });
  const every = await workflows.createDefinition({ workspaceId: "ws", name: "every second" });
  await workflows.publishVersion({
    definitionId: every.definition?.id ?? "",
    steps: [{ id: "wait", stepType: StepType.HUMAN_TASK, name: "wait" }],
    trigger: { triggerType: TriggerType.SCHEDULE, cronExpr: "* * * * * *" },
  });
  await until(async () => ((await startedBySlots()).length > 0 ? true : undefined));
  const socket = await keepWaiting(port);
  const { run } = await workflows.startRun({ definitionId });
  process.kill(replica.pid, "SIGTERM");
  await until(() => hasLogged(replica, "stopping") || undefined);
  const stoppedAtMs = await cluster.nowMs();
  // The process is there for seconds yet: its listener is what says that it is not ready.
  await until(async () => ((await isReady(port)) ? undefined : true), SLOW_MACHINE_MS / 5);
  expect(isRunning(replica.pid)).toBe(true);
  await until(() => (isRunning(replica.pid) ? undefined : true), END_WITHIN_MS);
  socket.destroy();
  expect((await cluster.nowMs()) - stoppedAtMs).toBeGreaterThan(4_000);
  const state = async () => {
    const text = "select state from step_runs where run_id = $1";
    return (await cluster.rows<{ state: string }>(text, [run?.id]))[0]?.state;
  };
  expect(await state()).toBe("WAITING");
  // A slot that was being fired at the signal may still have its run.
  for (const { at } of await startedBySlots()) expect(at - stoppedAtMs).toBeLessThan(1_000);
  await cluster.start();
  await until(async () => ((await state()) === "COMPLETED" ? true : undefined));
});

it("ends when the database does not answer any more, orderly or not", async () => {
  const cutter = await startCommitCutter(cluster.databaseUrl);
  const replica = await cluster.start({ DATABASE_URL: cutter.url });
  cutter.freeze();
  process.kill(replica.pid, "SIGTERM");
  await until(() => (isRunning(replica.pid) ? undefined : true), END_WITHIN_MS + SLOW_MACHINE_MS);
  await cutter.stop();
});
