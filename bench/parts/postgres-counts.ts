/**
 * What Postgres itself counts: commits, syncs of its log, bytes of its log, rows; and its upkeep, done at once.
 * Boundary: reads statistics, of one database where the server keeps them apart. The log is one for all databases.
 */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** Counts at one moment, or what they grew by. */
export interface PostgresCounts {
  /** Transactions, those of single statements and of reads included. */
  readonly commits: number;
  readonly fsyncs: number;
  readonly walBytes: number;
  /** Rows of tables that were inserted, updated and deleted. */
  readonly rowWrites: number;
}

/** Sessions report at most once a second. */
const REPORT_MS = 1_100;
/** From this version on, pg_stat_io has the syncs of the log. */
const SYNCS_IN_STAT_IO = 18;

/** Reads the counts when all idle sessions have reported theirs. */
export async function readPostgresCounts(
  url: string,
  majorVersion: number,
): Promise<PostgresCounts> {
  await delay(REPORT_MS);
  const fsyncs =
    majorVersion >= SYNCS_IN_STAT_IO
      ? "(select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal')"
      : "(select wal_sync from pg_stat_wal)";
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<PostgresCounts>(
      `select (select xact_commit from pg_stat_database where datname = current_database())::float8
          as commits,
        ${fsyncs}::float8 as fsyncs,
        pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as "walBytes",
        (select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) from pg_stat_user_tables)::float8
          as "rowWrites"`,
    );
    const [row] = rows;
    if (row === undefined) throw new Error("the server gave no counts");
    return row;
  } finally {
    await client.end();
  }
}

/** Has Postgres do now what it would do in the background: vacuum and statistics of the database, and a checkpoint. */
export async function finishUpkeep(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("vacuum (analyze)");
    await client.query("checkpoint");
  } finally {
    await client.end();
  }
}

/** What the counts grew by. */
export function growthOfPostgres(before: PostgresCounts, after: PostgresCounts): PostgresCounts {
  return {
    commits: after.commits - before.commits,
    fsyncs: after.fsyncs - before.fsyncs,
    walBytes: after.walBytes - before.walBytes,
    rowWrites: after.rowWrites - before.rowWrites,
  };
}
