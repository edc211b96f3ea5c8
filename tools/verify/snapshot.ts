/**
 * The database as it is at one moment, read page by page.
 * Boundary: SQL of its own, for the service's reads may hide what is looked for. One transaction that can only read, so
 * that all tables are seen as of the same commit.
 */
import pg from "pg";

/** A value as Postgres gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** A snapshot that is open. */
export interface Snapshot {
  readonly now: Date;
  query<T extends object>(text: string, values?: readonly unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

/** Opens a snapshot. Rejects when the database cannot be reached. */
export async function openSnapshot(databaseUrl: string): Promise<Snapshot> {
  const client = new pg.Client({ connectionString: databaseUrl });
  // Numbers of batches are far below 2^53.
  client.setTypeParser(pg.types.builtins.INT8, Number);
  await client.connect();
  client.on("error", () => {});
  try {
    await client.query("begin transaction isolation level repeatable read read only");
    const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
    const now = rows[0]?.now ?? new Date(0);
    return {
      now,
      query: async <T extends object>(text: string, values: readonly unknown[] = []) =>
        (await client.query<T & Row>(text, [...values])).rows,
      close: () => client.end(),
    };
  } catch (error) {
    await client.end();
    throw error;
  }
}
