/**
 * A migrated database of one's own in the Postgres that TEST_DATABASE_URL names, so that test files run side by side.
 * The first caller makes a template; the others are copies of it, which takes a tenth of migrating.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { buildIndexes, declaredIndexes } from "../../../src/store/indexes.ts";
import { migrateDatabase } from "../../../src/store/migrate.ts";

/** A database that exists until `drop`. */
export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

const LOCK_KEY = 7_302_116;
const MIGRATIONS = fileURLToPath(new URL("../../../migrations/", import.meta.url));

/** Makes a migrated database with a random name. */
export async function freshDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withServer(async (server) => {
    // `create database` needs the template to itself.
    await server.query("select pg_advisory_lock($1)", [LOCK_KEY]);
    const template = await requireTemplate(server);
    await server.query(`create database ${name} template ${template}`);
  });
  return {
    url: urlOf(name),
    drop: () =>
      withServer(async (server) => {
        await server.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

async function requireTemplate(server: pg.Client): Promise<string> {
  const template = `template_${digestOfSchema()}`;
  const found = await server.query("select 1 from pg_database where datname = $1", [template]);
  if (found.rows.length > 0) return template;
  const unfinished = `${template}_unfinished`;
  await server.query(`drop database if exists ${unfinished} with (force)`);
  await server.query(`create database ${unfinished}`);
  await migrateDatabase(urlOf(unfinished));
  await buildIndexes({ url: urlOf(unfinished), log: { info() {} } });
  await server.query(`alter database ${unfinished} rename to ${template}`);
  return template;
}

function digestOfSchema(): string {
  const hash = createHash("sha256");
  for (const file of readdirSync(MIGRATIONS).sort()) {
    if (file.endsWith(".sql")) hash.update(readFileSync(`${MIGRATIONS}${file}`));
  }
  hash.update(JSON.stringify(declaredIndexes()));
  return hash.digest("hex").slice(0, 12);
}

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined || url === "") throw new Error("TEST_DATABASE_URL names no Postgres");
  return url;
}

function urlOf(name: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return url.href;
}

async function withServer(work: (server: pg.Client) => Promise<void>): Promise<void> {
  const server = new pg.Client({ connectionString: serverUrl() });
  await server.connect();
  try {
    await work(server);
  } finally {
    await server.end();
  }
}
