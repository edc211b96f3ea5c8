/** A migration while the tables are in use: whoever holds a lock for long makes it wait, and it makes nobody wait for long. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, it } from "vitest";
import { migrateDatabase, requireMigrated } from "../../../src/store/migrate.ts";
import { until } from "../../support/assertions/until.ts";
import { makeTablesOf010 } from "../../support/histories/release-0.1.0.ts";

/** Of the tables that the migration of 0.1.0 changes, some behind the first one, in the order in which it locks them. */
const HELD = ["step_runs", "kept_events", "wait_patterns"] as const;
const HELD_MS = 800;
/** A second, and what a busy machine adds. The locks together are held for longer. */
const LONGEST_WRITE_MS = 2_000;
const PATIENCE_MS = 30_000;

it("gives its locks up within a second and tries again, and writers get on meanwhile", async () => {
  const { url, connect, drop } = await makeDatabaseOf010();
  try {
    const watcher = await connect();
    const holders = await Promise.all(HELD.map(() => connect()));
    for (const [index, holder] of holders.entries()) {
      await holder.query(`begin; lock table ${HELD[index]} in access share mode`);
    }
    const migrating = migrateDatabase(url);
    const writing = writeUntil(await connect(), migrating);
    const tries = new Set<string>();
    let released = "";
    for (const holder of holders) {
      released = await until(async () => {
        const waits = await findWait(watcher);
        if (waits !== undefined) tries.add(waits.since);
        // Postgres may show the wait that the last holder has ended for a moment longer.
        const isNext = waits !== undefined && waits.begun !== released && waits.ms > HELD_MS;
        return isNext ? waits.begun : undefined;
      }, PATIENCE_MS);
      await holder.query("commit");
    }
    await migrating;
    await requireMigrated(url);
    expect(tries.size).toBeGreaterThan(1);
    const { count, longestMs } = await writing;
    expect(count).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(LONGEST_WRITE_MS);
  } finally {
    await drop();
  }
});

async function makeDatabaseOf010() {
  const url = new URL(process.env.TEST_DATABASE_URL ?? "");
  const server = new pg.Client({ connectionString: url.href });
  await server.connect();
  const name = `test_010_${randomBytes(6).toString("hex")}`;
  await server.query(`create database ${name}`);
  url.pathname = `/${name}`;
  const clients: pg.Client[] = [];
  const connect = async () => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    clients.push(client);
    return client;
  };
  const first = await connect();
  await first.query("create schema drizzle");
  await makeTablesOf010(first);
  const drop = async () => {
    await Promise.all(clients.map((client) => client.end()));
    await server.query(`drop database ${name} with (force)`);
    await server.end();
  };
  return { url: url.href, connect, drop };
}

/** What the migration waits in: its transaction, its statement, and for how long. */
interface Wait {
  readonly since: string;
  readonly begun: string;
  readonly ms: number;
}

/** Which try of the migration waits for a lock now, and for how long its statement has. */
async function findWait(client: pg.Client): Promise<Wait | undefined> {
  const { rows } = await client.query<Wait>(
    `select xact_start::text as since, query_start::text as begun,
      extract(epoch from clock_timestamp() - query_start)::float8 * 1000 as ms
     from pg_stat_activity where datname = current_database()
      and application_name = 'workflows migrations' and wait_event_type = 'Lock'`,
  );
  return rows[0];
}

/** Writes one row after the other into the table that the migration locks first. */
async function writeUntil(client: pg.Client, end: Promise<void>) {
  let ended = false;
  const setEnded = () => {
    ended = true;
  };
  end.then(setEnded, setEnded);
  let longestMs = 0;
  let count = 0;
  while (!ended) {
    const begunAt = performance.now();
    await client.query("update workflow_runs set seq = seq + 1");
    count += 1;
    longestMs = Math.max(longestMs, performance.now() - begunAt);
  }
  return { count, longestMs };
}
