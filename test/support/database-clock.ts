/**
 * The clock of a test's database: it goes on as ever and is set and moved by the test.
 * Boundary: the service is not touched. Its statements ask `now()` and `clock_timestamp()`, and here the search path
 * finds functions of these names before those of Postgres; `pg_catalog.` and `current_timestamp` would go past them.
 */
import pg from "pg";

/** A clock that can be moved. Times are epoch milliseconds. */
export interface DatabaseClock {
  set(atMs: number): Promise<void>;
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

const INSTALL = `
  create schema test_clock;
  create table test_clock.ahead (by interval not null);
  insert into test_clock.ahead values (interval '0');
  create function test_clock.clock_timestamp() returns timestamptz language sql volatile
    as 'select pg_catalog.clock_timestamp() + by from test_clock.ahead';
  create function test_clock.now() returns timestamptz language sql stable
    as 'select pg_catalog.now() + by from test_clock.ahead';
`;
const SET = `update test_clock.ahead
  set by = to_timestamp($1::double precision / 1000) - pg_catalog.clock_timestamp()`;
const ADVANCE = "update test_clock.ahead set by = by + $1::double precision * interval '1 ms'";

/** Puts such a clock into a database that nobody is connected to yet. */
export async function installClock(url: string): Promise<DatabaseClock> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(INSTALL);
  const { rows } = await client.query<{ name: string }>("select current_database() as name");
  await client.query(
    `alter database ${rows[0]?.name} set search_path = test_clock, pg_catalog, public`,
  );
  return {
    async set(atMs) {
      await client.query(SET, [atMs]);
    },
    async advance(ms) {
      await client.query(ADVANCE, [ms]);
    },
    close: () => client.end(),
  };
}
