/**
 * Brings the schema up to the files in `migrations/`, or refuses to run on an older one.
 * Boundary: one connection of its own, before anything else touches the database.
 * Invariants:
 * M1 Of replicas that start together one migrates; the others wait for it, a minute at most.
 * M2 The role must own the tables, not the database: nothing that is there is created again, "if not exists" or not.
 * M3 A migration waits a second at most for all its locks of tables, for everybody else waits behind it and behind what it
 *    has locked so far. It is tried again for half a minute: replicas of the version before go on working meanwhile.
 */
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { readMigrationFiles } from "drizzle-orm/migrator";
import pg from "pg";
import { reached } from "../process/crash-points.ts";
import { isLostRace, isOverrun, translateClientError } from "./pg-errors.ts";
import { withSession } from "./session.ts";

/** The schema is older than this program and may not be migrated by it. */
export class SchemaTooOld extends Error {
  override readonly name = "SchemaTooOld";
}

/** The database has a property that the service cannot work with and cannot set; the message says which. */
export class DatabaseUnfit extends Error {
  override readonly name = "DatabaseUnfit";
}

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));
// Any number that no other program uses; all versions of this one must agree on it.
const LOCK_KEY = 7_302_115;
const CONNECT_TIMEOUT_MS = 10_000;
const LIST = "drizzle.__drizzle_migrations";
const MAKE_LIST = `create schema if not exists drizzle;
  create table if not exists ${LIST} (id serial primary key, hash text not null, created_at bigint)`;
const TURN_TIMEOUT = "60s";
const TABLE_LOCKS_MS = 1_000;
/** Less than another replica waits for its turn. */
const LOCKS_PATIENCE_MS = 30_000;
const LOCKS_PAUSE_MS = 500;
/** Tables that a commit locks one after another; all others come behind. */
const LOCK_ORDER = ["workflow_runs", "step_runs"];

/** Applies the migrations that are missing, one replica at a time. */
export async function migrateDatabase(url: string): Promise<void> {
  await withConnection(url, async (client) => {
    await requireFit(client);
    // A user that may make nothing needs no rights where nothing is missing.
    if ((await findNewest(client)) >= newestMigration()) return;
    await client.query(`set lock_timeout = '${TURN_TIMEOUT}'`);
    await client.query("select pg_advisory_lock($1)", [LOCK_KEY]);
    // The lock goes with the connection.
    await applyMissing(client);
  });
}

async function applyMissing(client: pg.Client): Promise<void> {
  const until = performance.now() + LOCKS_PATIENCE_MS;
  for (;;) {
    try {
      await applyOnce(client);
      return;
    } catch (error) {
      if (!isLostRace(error) || isOverrun(error) || performance.now() > until) throw error;
      await client.query("rollback");
      // Those who waited behind it have their turn.
      await delay(LOCKS_PAUSE_MS * (0.5 + Math.random()));
    }
  }
}

/** All or nothing; the list of what is applied is the one that drizzle-orm's migrator keeps. */
async function applyOnce(client: pg.Client): Promise<void> {
  const newest = await findNewest(client);
  const files = readMigrationFiles({ migrationsFolder: MIGRATIONS_FOLDER });
  const missing = files.filter(({ folderMillis }) => folderMillis > newest);
  await client.query("begin");
  const lockUntil = performance.now() + TABLE_LOCKS_MS;
  if (newest === 0) await client.query(MAKE_LIST);
  else await lockAltered(client, missing.flatMap(({ sql }) => sql).join("\n"), lockUntil);
  for (const { folderMillis, hash, sql } of missing) {
    for (const statement of sql) {
      await limitLocks(client, lockUntil);
      await client.query(statement);
      await reached("migrate.statement");
    }
    await client.query(`insert into ${LIST} (hash, created_at) values ($1, $2)`, [
      hash,
      folderMillis,
    ]);
  }
  await client.query("commit");
}

/** Locks the tables that are altered in the order in which commits do: in another one the two wait for each other. */
async function lockAltered(
  client: pg.Client,
  statements: string,
  lockUntil: number,
): Promise<void> {
  const made = namesIn(statements, /^CREATE TABLE "(\w+)"/gm);
  const altered = namesIn(statements, /^ALTER TABLE "(\w+)"/gm);
  // One that is made here is not there yet.
  const there = [...altered].filter((name) => !made.has(name));
  const names = there.sort((a, b) => placeOf(a) - placeOf(b));
  for (const name of names) {
    await limitLocks(client, lockUntil);
    await client.query(`lock table "${name}" in access exclusive mode`);
  }
}

function namesIn(statements: string, pattern: RegExp): Set<string | undefined> {
  return new Set([...statements.matchAll(pattern)].map(([, name]) => name));
}

/** The next statement waits for locks until this time only. */
async function limitLocks(client: pg.Client, lockUntil: number): Promise<void> {
  // 0 would be no limit.
  const leftMs = Math.max(1, Math.floor(lockUntil - performance.now()));
  await client.query(`set local lock_timeout = ${leftMs}`);
}

function placeOf(table: string | undefined): number {
  const place = LOCK_ORDER.indexOf(table ?? "");
  return place < 0 ? LOCK_ORDER.length : place;
}

/**
 * Throws SchemaTooOld when a migration is missing. A schema that is newer is fine: replicas are replaced one by one.
 */
export async function requireMigrated(url: string): Promise<void> {
  const applied = await withConnection(url, async (client) => {
    await requireFit(client);
    return findNewest(client);
  });
  if (applied >= newestMigration()) return;
  throw new SchemaTooOld("the database's schema is older than this program, and MIGRATE is off");
}

function newestMigration(): number {
  const files = readMigrationFiles({ migrationsFolder: MIGRATIONS_FOLDER });
  return Math.max(...files.map((file) => file.folderMillis));
}

async function requireFit(client: pg.Client): Promise<void> {
  const found = await client.query<{ encoding: string; readOnly: boolean }>(
    `select current_setting('server_encoding') as encoding,
      current_setting('transaction_read_only') = 'on' as "readOnly"`,
  );
  const { encoding, readOnly } = found.rows[0] ?? { encoding: "unknown", readOnly: false };
  if (encoding !== "UTF8") {
    throw new DatabaseUnfit(`the database's encoding is ${encoding}; it must be UTF8`);
  }
  if (readOnly) {
    throw new DatabaseUnfit(
      "the database takes no writes (a standby, or default_transaction_read_only is on)",
    );
  }
}

async function findNewest(client: pg.Client): Promise<number> {
  const found = await client.query<{ there: boolean }>(
    "select to_regclass($1) is not null as there",
    [LIST],
  );
  if (found.rows[0]?.there !== true) return 0;
  const newest = await client.query<{ at: string | null }>(
    `select max(created_at) as at from ${LIST}`,
  );
  return Number(newest.rows[0]?.at ?? 0);
}

async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    // A limit of the user's own must not end a migration.
    ...withSession(url, { statement_timeout: "0" }),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "workflows migrations",
    keepAlive: true,
  });
  // The failing query reports the error.
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw error instanceof DatabaseUnfit ? error : translateClientError(error);
  } finally {
    await client.end();
  }
}
