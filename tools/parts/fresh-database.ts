/**
 * A database of one's own in a Postgres that already runs, named by `DATABASE_URL`.
 *
 * Boundary: touches nothing in that server but the database it makes.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";

/** A database that exists until `drop`. */
export interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** Makes an empty database with a random name beside the one that `serverUrl` names. */
export async function makeFreshDatabase(serverUrl: string): Promise<FreshDatabase> {
  const name = `workflows_${randomBytes(6).toString("hex")}`;
  await runStatement(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => runStatement(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

async function runStatement(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
