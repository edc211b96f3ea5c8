/**
 * How often the handling of a message failed: the table `failed_deliveries`, shared by all replicas.
 *
 * Boundary: rows only. A failure counts for an hour, for a stream that was made anew counts its messages from one
 * again; what is older is deleted by the next failure.
 */
import type { Statement, Tx } from "./database.ts";

const DROPPED_AT_ONCE = 1_000;
const DROP_OLD: Statement = {
  name: "drop_old_failed_deliveries",
  text: `delete from failed_deliveries where ctid = any(array(
    select ctid from failed_deliveries where failed_at < now() - interval '1 hour'
    order by failed_at limit ${DROPPED_AT_ONCE} for update skip locked))`,
};
// In the order of the key: two replicas may count the same messages.
const COUNT: Statement = {
  name: "count_failed_deliveries",
  text: `insert into failed_deliveries as f (failed_at, stream_seq, failures, stream)
    select clock_timestamp(), seq, 1, $1 from unnest($2::bigint[]) as seq order by seq
    on conflict (stream, stream_seq) do update set failed_at = excluded.failed_at,
      failures = case when f.failed_at < now() - interval '1 hour' then 1 else f.failures + 1 end
    returning stream_seq as "streamSeq", failures`,
};

/** Adds a failure to each message of the stream; gives how many each has now, by sequence. */
export async function addFailedDeliveries(
  tx: Tx,
  stream: string,
  seqs: readonly number[],
): Promise<Map<number, number>> {
  await tx.query(DROP_OLD, []);
  const rows = await tx.query<{ streamSeq: number; failures: number }>(COUNT, [
    stream,
    [...new Set(seqs)],
  ]);
  return new Map(rows.map(({ streamSeq, failures }) => [streamSeq, failures]));
}
