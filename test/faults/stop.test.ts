/** SIGTERM to a replica: it begins no further work, and ends within 20 s, orderly or not. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
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

it("claims no call after the signal, although a caller keeps the server waiting", async () => {
  const replica = await cluster.start();
  const port = replica.logged.find(({ message }) => message === "listening")?.port;
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  const path = "/workflows.v1.WorkflowService/StartRun";
  const head = `POST ${path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n`;
  // The body never comes, so that the server waits for this call as long as it waits for any.
  await new Promise((resolve) => socket.write(`${head}content-length: 9\r\n\r\n{`, resolve));
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

it("ends when the database does not answer any more, orderly or not", async () => {
  const cutter = await startCommitCutter(cluster.databaseUrl);
  const replica = await cluster.start({ DATABASE_URL: cutter.url });
  cutter.freeze();
  process.kill(replica.pid, "SIGTERM");
  await until(() => (isRunning(replica.pid) ? undefined : true), END_WITHIN_MS + SLOW_MACHINE_MS);
  await cutter.stop();
});
