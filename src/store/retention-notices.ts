/**
 * Notices that runs will be deleted, a day before the first one is: an upgrade or a smaller RETENTION_DAYS deletes
 * nothing by surprise.
 * Boundary: rows only; who logs a notice is runtime/retention.ts. A notice survives restarts and counts for all
 * replicas.
 */
import type { Statement, Tx } from "./database.ts";

/** A notice that was just given, and what it is about. */
export interface RetentionNotice {
  /** Runs that have ended long enough ago, counted to RUNS_COUNTED. */
  readonly runs: number;
  readonly oldestEnd: Date | null;
}

/** A notice counts no further. */
export const RUNS_COUNTED = 100_000;

const OLD = "now() - make_interval(days => $1::integer)";

// Without its index the search for ended runs reads every run; the notice waits until it is built (indexes.ts).
const GIVE_NOTICE: Statement = {
  name: "give_retention_notice",
  text: `with given as (
      insert into retention_notices (days, announced_at)
      select $1::integer, clock_timestamp()
      where not exists (select 1 from retention_notices where days <= $1::integer)
        and exists (select 1 from pg_index
          where indexrelid = to_regclass('workflow_runs_ended') and indisvalid)
      on conflict do nothing returning 1
    ), old as materialized (
      select completed_at from workflow_runs
      where completed_at is not null and completed_at < ${OLD} and exists (select 1 from given)
      order by completed_at limit ${RUNS_COUNTED}
    )
    select (select count(*) from old)::integer as runs, (select min(completed_at) from old) as "oldestEnd"
    from given`,
};

const IS_DUE: Statement = {
  name: "is_retention_due",
  text: `select count(*) > 0 as due from retention_notices
    where days <= $1 and announced_at <= now() - interval '1 day'`,
};

/** Gives notice of deleting what ended `days` ago; undefined: it was given before, or the index is not built yet. */
export async function giveNotice(tx: Tx, days: number): Promise<RetentionNotice | undefined> {
  const [notice] = await tx.query<{ runs: number; oldestEnd: Date | null }>(GIVE_NOTICE, [days]);
  return notice;
}

/** Whether a notice for these days, or for fewer, is a day old. */
export async function isDue(tx: Tx, days: number): Promise<boolean> {
  const [row] = await tx.query<{ due: boolean }>(IS_DUE, [days]);
  return row?.due ?? false;
}
