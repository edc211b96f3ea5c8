/**
 * The clock of a test's database: it stands still until the test moves it, however slow the machine is.
 * Boundary: the service is not touched. Its statements ask `now()` and `clock_timestamp()`, and here the search path
 * finds functions of these names before those of Postgres; `pg_catalog.` and `current_timestamp` would go past them.
 */
import pg from "pg";

/** Settings of sessions that go by the clock. */
export const CLOCK_SETTINGS = { search_path: "test_clock,pg_catalog,public" };

/** A clock that can be moved. Times are epoch milliseconds. */
export interface DatabaseClock {
  /** As it was set last. */
  readonly nowMs: number;
  set(atMs: number): Promise<void>;
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

const INSTALL = `
  create schema test_clock;
  create table test_clock.reading (at timestamptz not null);
  insert into test_clock.reading values (pg_catalog.now());
  create function test_clock.clock_timestamp() returns timestamptz language sql volatile
    as 'select at from test_clock.reading';
  create function test_clock.now() returns timestamptz language sql stable
    as 'select at from test_clock.reading';
`;
const SET = "update test_clock.reading set at = to_timestamp($1::double precision / 1000)";
const ADVANCE = "update test_clock.reading set at = at + $1::double precision * interval '1 ms'";

/** Puts such a clock into a database; sessions with CLOCK_SETTINGS go by it. */
export async function installClock(url: string): Promise<DatabaseClock> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(INSTALL);
  let nowMs = Number.NaN;
  return {
    get nowMs() {
      return nowMs;
    },
    async set(atMs) {
      await client.query(SET, [atMs]);
      nowMs = atMs;
    },
    async advance(ms) {
      await client.query(ADVANCE, [ms]);
      nowMs += ms;
    },
    close: () => client.end(),
  };
}
