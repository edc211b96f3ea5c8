/** Deletes counters of runs of old days. Boundary: single batches by the database's clock. */
import type { Statement, Tx } from "./database.ts";
import { ALL_DAYS, COUNTER_KINDS, TODAY } from "./run-counts.ts";

/** Runs by day and outcome are kept longer than what is known of a day besides. */
const DAYS = 400;
const DETAIL_DAYS = 100;

const { started, ended, duration, failedStep, reported } = COUNTER_KINDS;
const pageOf = (kind: number, days: number) => `
        (select ctid from workflow_counters
        where kind = ${kind} and day > ${ALL_DAYS} and day < ${TODAY} - ${days}
        order by day limit $1::integer)`;
const DELETE: Statement = {
  name: "drop_old_counters",
  text: `with old as (${[
    pageOf(started, DAYS),
    pageOf(ended, DAYS),
    pageOf(duration, DETAIL_DAYS),
    pageOf(failedStep, DETAIL_DAYS),
    pageOf(reported, DETAIL_DAYS),
  ].join(" union all ")}), gone as (
      delete from workflow_counters where ctid = any(array(select ctid from old)) returning 1
    ) select count(*)::integer as dropped from gone`,
};

/** Deletes at most `limit` counters of each kind; gives how many went. */
export async function dropOldCounters(tx: Tx, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DELETE, [limit]);
  return row?.dropped ?? 0;
}
