/** What works although NATS has never answered: everything that needs only the database. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseLogLine, startService } from "../../tools/demo/service-process.ts";
import { until } from "../support/assertions/until.ts";
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
