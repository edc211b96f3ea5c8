/**
 * The tables of release 0.1.0, as its own migrations left them.
 * Boundary: the first two files of migrations/, which never change; the rest is the work of migrateDatabase.
 */
import { fileURLToPath } from "node:url";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type pg from "pg";

const MIGRATIONS = fileURLToPath(new URL("../../../migrations", import.meta.url));
const FILES = 2;

/** Makes the tables in an empty database, and the list of the applied migrations, owned by the connection's role. */
export async function makeTablesOf010(client: pg.Client): Promise<void> {
  await client.query(`create table drizzle.__drizzle_migrations
    (id serial primary key, hash text not null, created_at bigint)`);
  for (const each of readMigrationFiles({ migrationsFolder: MIGRATIONS }).slice(0, FILES)) {
    for (const statement of each.sql) await client.query(statement);
    await client.query(
      "insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)",
      [each.hash, each.folderMillis],
    );
  }
}
