/** A migration meets a table that is in use: it waits a second at most, lets others through, and tries again. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrateDatabase } from "../../../src/store/migrate.ts";
import { type FreshDatabase, makeFreshDatabase } from "../../../tools/parts/fresh-database.ts";
import { projectRoot } from "../../../tools/run-command.ts";
import { until } from "../../support/assertions/until.ts";

/** The migrations of release 0.1.0, with their times in the journal. */
const FIRST = ["0000_initial", "0001_hot_tables"];

let database: FreshDatabase;
let holder: pg.Client;
let writer: pg.Client;
beforeAll(async () => {
  database = await makeFreshDatabase(process.env.TEST_DATABASE_URL ?? "");
  const connect = async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    return client;
  };
  [holder, writer] = await Promise.all([connect(), connect()]);
  const journal = JSON.parse(readFileSync(`${projectRoot}/migrations/meta/_journal.json`, "utf8"));
  await writer.query("create schema drizzle");
  await writer.query(
    "create table drizzle.__drizzle_migrations (id serial primary key, hash text, created_at bigint)",
  );
  for (const { tag, when } of journal.entries) {
    if (!FIRST.includes(tag)) continue;
    await writer.query(readFileSync(`${projectRoot}/migrations/${tag}.sql`, "utf8"));
    await writer.query(
      "insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)",
      [tag, when],
    );
  }
});
afterAll(async () => {
  await Promise.all([holder?.end(), writer?.end()]);
  await database?.drop();
});

it("is repeated until it has its locks, and holds up nothing for longer than a second each time", async () => {
  await holder.query("begin");
  await holder.query("lock table workflow_runs in row exclusive mode");
  const migrating = migrateDatabase(database.url);
  migrating.catch(() => undefined);
  const tries = new Set<string>();
  let longestMs = 0;
  await until(async () => {
    const { rows } = await writer.query<{ began: string }>(
      `select xact_start::text as began from pg_stat_activity
        where application_name = 'workflows migrations' and wait_event_type = 'Lock'`,
    );
    for (const { began } of rows) tries.add(began);
    const askedAtMs = performance.now();
    // A row of a table that stands behind the lock.
    await writer.query("select count(*) from workflow_runs");
    longestMs = Math.max(longestMs, performance.now() - askedAtMs);
    return tries.size > 1 ? true : undefined;
  });
  await holder.query("rollback");
  await migrating;
  expect(longestMs).toBeLessThan(2_000);
  const { rows } = await writer.query(
    "select 1 from information_schema.columns where table_name = 'workflow_runs' and column_name = 'pending'",
  );
  expect(rows).toHaveLength(1);
});
