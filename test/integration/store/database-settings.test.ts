/**
 * Settings of the server, the database or the user that would change results, and databases that cannot be used.
 * Boundary: needs the Postgres of TEST_DATABASE_URL, in which it makes databases and a user of its own.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFault } from "../../../src/start-faults.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { buildIndexes } from "../../../src/store/indexes.ts";
import { migrateDatabase, requireMigrated } from "../../../src/store/migrate.ts";
import { makeTablesOf010 } from "../../support/histories/release-0.1.0.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

const HOSTILE = {
  search_path: "elsewhere, public",
  DateStyle: "'SQL, DMY'",
  IntervalStyle: "iso_8601",
  TimeZone: "'Asia/Kathmandu'",
  bytea_output: "escape",
  extra_float_digits: "-10",
  standard_conforming_strings: "off",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  row_security: "off",
  client_encoding: "LATIN1",
  statement_timeout: "'1ms'",
};
const SETTINGS = {
  name: "test_settings",
  text: `select current_setting('search_path') as search_path, current_setting('DateStyle') as datestyle,
    current_setting('transaction_isolation') as isolation, current_setting('client_encoding') as encoding,
    current_setting('transaction_deferrable') as deferrable, current_setting('row_security') as security,
    '\\x00ff'::bytea::text as hex, '\\x00ff'::bytea as bytes,
    '2030-01-31T08:00:00Z'::timestamptz::text as time, '90 minutes'::interval::text as span,
    pi()::text as pi, 'a\\b' as text, pg_sleep(0.05)::text as slept`,
};
const log = { warn() {} };

let server: pg.Client;
let database: TestDatabase;
const drops: string[] = [];
const unique = (what: string) => `${what}_${randomBytes(4).toString("hex")}`;

beforeAll(async () => {
  server = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await server.connect();
  database = await freshDatabase();
});
afterAll(async () => {
  await database.drop();
  for (const drop of drops.reverse()) await server.query(drop);
  await server.end();
});

function urlOf(name: string, user?: string): string {
  const url = new URL(process.env.TEST_DATABASE_URL ?? "");
  url.pathname = `/${name}`;
  if (user !== undefined) [url.username, url.password] = [user, "pw"];
  return url.href;
}

async function makeDatabase(options = ""): Promise<string> {
  const name = unique("settings");
  await server.query(`create database ${name} ${options}`);
  drops.push(`drop database ${name} with (force)`);
  return name;
}

async function faultOf(url: string): Promise<string | undefined> {
  const error: unknown = await migrateDatabase(url).catch((thrown: unknown) => thrown);
  return startFault(error, { port: 1, databaseUrl: url });
}

async function readSettings(url: string) {
  const opened = openDatabase({ url, log });
  try {
    return await opened.transaction((tx) => tx.query<Record<string, unknown>>(SETTINGS, []));
  } finally {
    await opened.close();
  }
}

describe("a session", () => {
  it("has the settings that results depend on, whatever the database has", async () => {
    const name = await makeDatabase();
    for (const [setting, value] of Object.entries(HOSTILE)) {
      await server.query(`alter database ${name} set ${setting} = ${value}`);
    }
    await migrateDatabase(urlOf(name));
    await requireMigrated(urlOf(name));
    expect(await readSettings(urlOf(name))).toEqual([
      {
        search_path: "public",
        datestyle: "ISO, MDY",
        isolation: "read committed",
        encoding: "UTF8",
        deferrable: "off",
        security: "on",
        hex: "\\x00ff",
        bytes: Buffer.from([0, 255]),
        time: "2030-01-31 08:00:00+00",
        span: "01:30:00",
        pi: "3.141592653589793",
        text: "a\\b",
        slept: "",
      },
    ]);
  });

  it("has them whatever DATABASE_URL says in its options, of which the others stay", async () => {
    const options = "-c search_path=elsewhere -c TimeZone=Asia/Tokyo -c work_mem=5MB";
    const url = `${database.url}?options=${encodeURIComponent(options)}`;
    const [settings] = await readSettings(url);
    expect(settings).toMatchObject({ search_path: "public", time: "2030-01-31 08:00:00+00" });
    const opened = openDatabase({ url, log });
    const statement = { name: "work_mem", text: "select current_setting('work_mem') as value" };
    expect(await opened.read.query(statement, [])).toEqual([{ value: "5MB" }]);
    await opened.close();
  });
});

describe("the start", () => {
  it("names an encoding that is not UTF8", async () => {
    const name = await makeDatabase(
      "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0",
    );
    expect(await faultOf(urlOf(name))).toContain("encoding is LATIN1; it must be UTF8");
  });

  it("names a database that takes no writes", async () => {
    const name = await makeDatabase();
    await server.query(`alter database ${name} set default_transaction_read_only = on`);
    expect(await faultOf(urlOf(name))).toContain("the database takes no writes");
  });

  it("wants no right to create where nothing is missing, and names it where something is", async () => {
    const user = unique("plain");
    await server.query(`create role ${user} login password 'pw'`);
    drops.push(`drop role ${user}`);
    const empty = await makeDatabase();
    expect(await faultOf(urlOf(empty, user))).toContain("may not create the service's tables");
    const made = await makeDatabase();
    await migrateDatabase(urlOf(made));
    const owner = new pg.Client({ connectionString: urlOf(made) });
    await owner.connect();
    await owner.query(`grant usage on schema drizzle to ${user};
      grant select on all tables in schema drizzle to ${user}`);
    await owner.end();
    await expect(migrateDatabase(urlOf(made, user))).resolves.toBeUndefined();
  });

  it("migrates as the owner of the tables, who may create nothing in the database itself", async () => {
    const user = unique("owner");
    await server.query(`create role ${user} login password 'pw'`);
    drops.push(`drop role ${user}`);
    const name = await makeDatabase();
    const admin = new pg.Client({ connectionString: urlOf(name) });
    await admin.connect();
    await admin.query(`create schema drizzle authorization ${user};
      grant usage, create on schema public to ${user}`);
    await admin.end();
    const owner = new pg.Client({ connectionString: urlOf(name, user) });
    await owner.connect();
    await makeTablesOf010(owner);
    await owner.end();
    await migrateDatabase(urlOf(name, user));
    await expect(requireMigrated(urlOf(name, user))).resolves.toBeUndefined();
    expect(await buildIndexes({ url: urlOf(name, user), log: { info() {} } })).toBe(true);
  });
});
