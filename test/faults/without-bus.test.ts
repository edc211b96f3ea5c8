/** What works although NATS is away, or has never answered: everything that needs only the database. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepRunState, StepType, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { connectService } from "../../tools/demo/service-client.ts";
import { parseLogLine, startService } from "../../tools/demo/service-process.ts";
import { until } from "../support/assertions/until.ts";
import { startServers } from "../support/faults/world/servers.ts";
import { freshDatabase, type TestDatabase } from "../support/servers/database.ts";

/** Nothing listens here. */
const NOWHERE = "nats://127.0.0.1:1";
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

it("old rows are deleted, and the notice about old runs is given", async () => {
  await client.query(`insert into caller_keys
      (created_at, lease_until, workspace_id, method, key, holder, body_hash)
    values (now() - interval '8 days', now(), 'ws', 'StartRun', 'old', '', '')`);
  const notices: unknown[] = [];
  const ending = new AbortController();
  const environment = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    DATABASE_URL: database.url,
    NATS_URL: NOWHERE,
    PORT: "0",
    RETENTION_DAYS: "30",
  };
  // It is not ready before NATS answers, so its start is not waited for.
  const service = startService({
    compiled: process.env.TEST_SERVICE,
    environment,
    signal: ending.signal,
    onLine(line) {
      const entry = parseLogLine(line);
      if (entry?.retentionDays === 30 && "oldestEnd" in entry) notices.push(entry);
    },
  }).then(
    (started) => started.stop(),
    () => undefined,
  );
  try {
    const isGone = async () => (await client.query("select 1 from caller_keys")).rowCount === 0;
    await until(async () => (await isGone()) || undefined);
    await until(() => notices[0]);
    expect(notices).toMatchObject([{ runs: 0 }]);
  } finally {
    ending.abort();
    await service;
  }
});

it("work is accepted while NATS is away, said to wait, and published when it is back", async () => {
  const servers = await startServers();
  const { PATH, HOME } = process.env;
  const service = await startService({
    compiled: process.env.TEST_SERVICE,
    environment: {
      PATH,
      HOME,
      DATABASE_URL: servers.databaseUrl,
      NATS_URL: servers.natsUrl,
      BUS_CREATE_STREAMS: "true",
      PORT: "0",
    },
  });
  const { workflows, close } = connectService(service.url);
  const stored = new pg.Client({ connectionString: servers.databaseUrl });
  await stored.connect();
  const countWaiting = async () => {
    const { rowCount } = await stored.query(
      "select 1 from move_batches where published_at is null",
    );
    return rowCount;
  };
  const ready = async () => {
    const answer = await fetch(`${service.url}/readyz`);
    return { code: answer.status, body: parseLogLine(await answer.text()) };
  };
  try {
    await servers.killNats();
    const made = await workflows.createDefinition({ workspaceId: "ws", name: "work" });
    const definitionId = made.definition?.id ?? "";
    const task = { id: "task", name: "Task", stepType: StepType.HUMAN_TASK };
    await workflows.publishVersion({ definitionId, steps: [task] });
    const runId = (await workflows.startRun({ definitionId })).run?.id ?? "";
    await workflows.transitionStep({ runId, stepId: "task", state: StepRunState.COMPLETED });
    const { run } = await workflows.getRun({ id: runId });
    expect(run?.state).toBe(WorkflowState.COMPLETED);
    const degraded = await until(async () => {
      const { code, body } = await ready();
      expect(code).toBe(200);
      return body?.status === "degraded" ? body : undefined;
    });
    expect(degraded.parts).toMatchObject({ database: "ok", bus: expect.stringMatching(/^down: /) });
    expect(await countWaiting()).toBeGreaterThan(0);
    await servers.startNats();
    await until(async () => (await countWaiting()) === 0 || undefined);
    await until(async () => (await ready()).body?.status === "ok" || undefined);
  } finally {
    close();
    await stored.end();
    await service.stop();
    await servers.stop();
  }
});
