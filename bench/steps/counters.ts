/**
 * Postgres's own counters: how far its log is, and what was written to each table.
 * Boundary: reads statistics; knows nothing of runs.
 * Invariant: sessions report what they did when they end, so counters are read with the service's
 * sessions closed (see `waitForSessions`).
 */
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";

/** Row writes of one table. */
export interface TableWrites {
  readonly inserted: number;
  readonly updated: number;
  /** Updates that stayed on their page and touched no index; part of `updated`. */
  readonly updatedHot: number;
  readonly deleted: number;
}

/** All counters at one moment, or what they grew by between two. */
export interface Counters {
  readonly walBytes: number;
  /** Whole pages in the log; each is up to 8 KB that a checkpoint caused and no step. */
  readonly fullPages: number;
  /** Transactions, reads included. */
  readonly transactions: number;
  /** Tables that were written to, by name. */
  readonly tables: ReadonlyMap<string, TableWrites>;
}

const SESSIONS_TIMEOUT_MS = 5_000;
const POLL_MS = 10;
const REPORT_MS = 1_500;
const SERVER = `select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::float8 as "walBytes",
    (select wal_fpi::float8 from pg_stat_wal) as "fullPages",
    (select xact_commit::float8 from pg_stat_database where datname = current_database())
      as "transactions"`;
const TABLES = `select relname as name, n_tup_ins::float8 as inserted,
    n_tup_upd::float8 as updated, n_tup_hot_upd::float8 as "updatedHot",
    n_tup_del::float8 as deleted
  from pg_stat_user_tables order by relname`;

/** Waits until no session of the service is left, for then all its statistics are in. */
export async function waitForSessions(client: pg.Client): Promise<void> {
  const giveUpAt = performance.now() + SESSIONS_TIMEOUT_MS;
  for (;;) {
    const open = await client.query(
      "select 1 from pg_stat_activity where application_name = 'workflows' limit 1",
    );
    if (open.rows.length === 0) return;
    if (performance.now() > giveUpAt) throw new Error("the service's sessions do not end");
    await delay(POLL_MS);
  }
}

/** Reads all counters. */
export async function readCounters(client: pg.Client): Promise<Counters> {
  // What this session itself did before is not to count later.
  await client.query("select pg_stat_force_next_flush()");
  const server = await client.query<Omit<Counters, "tables">>(SERVER);
  const tables = await client.query<TableWrites & { name: string }>(TABLES);
  const [row] = server.rows;
  if (row === undefined) throw new Error("the server gave no counters");
  return { ...row, tables: new Map(tables.rows.map(({ name, ...writes }) => [name, writes])) };
}

/** All counters once the sessions of a service that goes on have reported: they do at most once a second. */
export async function settledCounters(client: pg.Client): Promise<Counters> {
  await delay(REPORT_MS);
  return readCounters(client);
}

/** What the counters grew by. */
export function growthOf(before: Counters, after: Counters): Counters {
  const tables = new Map<string, TableWrites>();
  for (const [name, now] of after.tables) {
    const then = before.tables.get(name);
    const writes = {
      inserted: now.inserted - (then?.inserted ?? 0),
      updated: now.updated - (then?.updated ?? 0),
      updatedHot: now.updatedHot - (then?.updatedHot ?? 0),
      deleted: now.deleted - (then?.deleted ?? 0),
    };
    if (rowsOf(writes) > 0) tables.set(name, writes);
  }
  return {
    walBytes: after.walBytes - before.walBytes,
    fullPages: after.fullPages - before.fullPages,
    transactions: after.transactions - before.transactions,
    tables,
  };
}

/** Rows written to a table. */
export function rowsOf({ inserted, updated, deleted }: TableWrites): number {
  return inserted + updated + deleted;
}
