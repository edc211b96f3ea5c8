/**
 * I10: no lease past its expiry. Of a system in which nothing happens any more also: no call of a run that has ended, no
 * key that is held, no dead letter. A lease is given half a minute to be taken by another replica.
 */
import { SLACK_MS } from "./holders.ts";
import type { Findings } from "./report.ts";
import type { Snapshot } from "./snapshot.ts";

/** What must not be there: a statement that gives `place` and `what` of each row. */
interface Leftover {
  readonly onlyQuiescent?: true;
  readonly rows: string;
}

const LINES = 21;
const EXPIRED = `clock_timestamp() - interval '${SLACK_MS} milliseconds'`;
const LEFTOVERS: readonly Leftover[] = [
  {
    rows: `select id as place, 'the lease of ' || holder || ' ran out at ' || lease_until as what
      from effects where holder <> '' and lease_until < ${EXPIRED}`,
  },
  {
    rows: `select 'partition ' || l.partition as place,
        'the lease of ' || l.holder || ' ran out at ' || l.lease_until || ', with events to publish' as what
      from partition_leases l where l.lease_until < ${EXPIRED} and exists (
        select 1 from move_batches b
        where b.partition = l.partition and b.published_at is null and b.created_at < ${EXPIRED})`,
  },
  {
    onlyQuiescent: true,
    rows: `select e.id as place, 'is open although its run is ' || coalesce(r.state, 'gone') as what
      from effects e left join workflow_runs r on r.id = split_part(e.id, '/', 1) collate "default"
      where r.id is null or r.completed_at is not null`,
  },
  {
    onlyQuiescent: true,
    rows: `select workspace_id || ' ' || method as place, 'a key is held by ' || holder as what
      from caller_keys where holder <> ''`,
  },
  {
    onlyQuiescent: true,
    rows: `select stream || ' ' || stream_seq as place, 'a dead letter: ' || reason as what from dead_letters`,
  },
];

/** Counts leases and finds what is left over. */
export async function checkLeftovers(
  snapshot: Snapshot,
  quiescent: boolean,
  findings: Findings,
): Promise<void> {
  const [{ leases = 0 } = {}] = await snapshot.query<{ leases: number }>(
    "select (select count(*) from effects) + (select count(*) from partition_leases) as leases",
  );
  findings.saw(leases);
  for (const { onlyQuiescent, rows } of LEFTOVERS) {
    if (onlyQuiescent && !quiescent) continue;
    const found = await snapshot.query<{ place: string; what: string }>(`${rows} limit ${LINES}`);
    for (const { place, what } of found) findings.violated(place, what);
  }
  if (!quiescent) findings.note = "leases only";
}
