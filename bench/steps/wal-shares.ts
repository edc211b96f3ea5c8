/**
 * Which table, index and kind of record the log's bytes went to.
 * Boundary: reads the log itself through the extension pg_walinspect; without it there are no
 * shares, and the sums stand all the same.
 */
import type pg from "pg";

/** Bytes of one kind of record in one relation. */
export interface WalShare {
  /** A table or index, or "" for what belongs to none (commits). */
  readonly relation: string;
  /** Resource manager and record type, such as `Heap HOT_UPDATE`. */
  readonly record: string;
  readonly records: number;
  readonly bytes: number;
  /** Part of `bytes` that is whole pages. */
  readonly fullPageBytes: number;
}

// A record that touches several pages counts for the first one, which is the page it is about.
const SHARES = `select coalesce(c.relname, '') as relation,
    w.resource_manager || ' ' || w.record_type as record, count(*)::float8 as records,
    sum(w.record_length)::float8 as bytes, sum(w.fpi_length)::float8 as "fullPageBytes"
  from pg_get_wal_records_info('0/0'::pg_lsn + $1::numeric, '0/0'::pg_lsn + $2::numeric) as w
  left join pg_class c
    on c.relfilenode::text = substring(w.block_ref from 'rel [0-9]+/[0-9]+/([0-9]+)')
  group by 1, 2 order by bytes desc`;

/** Makes the extension usable; false when the server does not have it. */
export async function enableWalShares(client: pg.Client): Promise<boolean> {
  const found = await client.query(
    "select 1 from pg_available_extensions where name = 'pg_walinspect'",
  );
  if (found.rows.length === 0) return false;
  await client.query("create extension if not exists pg_walinspect");
  return true;
}

/** The shares of the log between two positions (bytes from its beginning), the largest first. */
export async function readWalShares(
  client: pg.Client,
  from: number,
  to: number,
): Promise<WalShare[]> {
  const result = await client.query<WalShare>(SHARES, [from, to]);
  return result.rows;
}
