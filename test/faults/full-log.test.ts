/** A disk that takes no line of the log any more: the service goes on without the log. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { connectService } from "../../tools/demo/service-client.ts";
import { startGuard } from "../../tools/parts/guard.ts";
import { stopServerProcess } from "../../tools/parts/server-process.ts";
import { until } from "../support/assertions/until.ts";
import { type Cluster, startCluster } from "../support/services/replicas.ts";

const RUNS = 10;
const PAUSE = { stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 0.1 } };
const STEPS = [{ id: "a", name: "A", ...PAUSE }];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts the service with a standard output and error that fail each write with ENOSPC. */
async function startMuted(port: number): Promise<ChildProcess> {
  const full = await open("/dev/full", "w");
  const child = spawn(process.execPath, [process.env.TEST_SERVICE ?? ""], {
    stdio: ["ignore", full.fd, full.fd],
    env: {
      ...{ PATH: process.env.PATH, DATABASE_URL: cluster.databaseUrl, NATS_URL: cluster.natsUrl },
      ...{ BUS_CREATE_STREAMS: "true", HOST: "127.0.0.1", PORT: String(port), LOG_LEVEL: "debug" },
    },
  });
  await once(child, "spawn");
  await full.close();
  return child;
}

it("costs lines, and no run", async () => {
  const guard = await startGuard("workflows-full-log-");
  const port = await freePort();
  const child = await startMuted(port);
  guard.watch(child, "KILL");
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(async () => {
      expect(child.exitCode).toBe(null);
      const answer = await fetch(`${url}/readyz`).catch(() => undefined);
      return answer?.ok === true ? true : undefined;
    }, 30_000);
    const { workflows, close } = connectService(url);
    const made = await workflows.createDefinition({ workspaceId: "w", name: "muted" });
    const definitionId = made.definition?.id ?? "";
    await workflows.publishVersion({ definitionId, steps: STEPS });
    for (let n = 0; n < RUNS; n += 1) await workflows.startRun({ definitionId });
    await until(async () => {
      const states = await cluster.rows<{ state: string }>("select state from workflow_runs");
      return states.filter(({ state }) => state === "COMPLETED").length === RUNS || undefined;
    }, 30_000);
    expect(child.exitCode).toBe(null);
    close();
  } finally {
    await stopServerProcess(child, "SIGTERM", 15_000);
    await guard.release();
  }
});
