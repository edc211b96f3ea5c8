/**
 * Deletes runs that ended long ago, with all that is theirs.
 * Boundary: single batches by the database's clock; pace and order are runtime/retention.ts.
 * Invariants:
 * E1 A run goes in one transaction with its steps, moves, children's rows and start, or not at all.
 * E2 A tree is judged at its root: it goes when every run of it has ended and is old. The root goes first; a run whose
 *    parent is gone is a root. So no child goes before its parent, and no transaction grows with the tree.
 * E3 A run with a move that is not published, or with a call that is open, stays.
 * E4 The caller asks first whether a notice about these runs is a day old (retention-notices.ts).
 * E5 Each batch is bounded in rows; of several replicas one works at a time.
 */
import type { Database, Statement, Tx } from "./database.ts";
import { START_DAYS } from "./run-starts.ts";

/** Where a page of ended runs ended, in the order of their end. */
export interface EndedPlace {
  readonly completedAt: Date;
  readonly id: string;
}

/** What a batch of runs did; `next` reads on, undefined at the end. */
export interface DroppedRuns {
  readonly runs: number;
  /** Steps, moves, children's rows and starts that went with them. */
  readonly rows: number;
  /** Runs with children among those that were to go. */
  readonly parents: number;
  /** Roots that stay because their tree is larger than what is looked at. */
  readonly tooLarge: number;
  readonly next: EndedPlace | undefined;
}

/** Before the first ended run. */
export const FIRST_ENDED: EndedPlace = { completedAt: new Date(0), id: "" };

const LOCK_KEY = 7_302_118;
/** Runs of a tree that are looked at; a larger tree stays. */
const TREE_AT_MOST = 100_000;
/** Moves of the runs of one batch; a single run may have more. */
const MOVES_A_BATCH = 10_000;

const LOCK: Statement = {
  name: "lock_retention",
  text: "select pg_try_advisory_xact_lock($1) as mine",
};

const OLD = "now() - make_interval(days => $1::integer)";
// The limit keeps each look-up in the lateral, where it is a range of the index of parents.
const childrenOf = (id: string) => `
        select c.id, c.completed_at from workflow_runs c
        where c.parent_run_id = ${id} and c.parent_run_id <> '' limit ${TREE_AT_MOST + 1}`;

const FIND_ENDED: Statement = {
  name: "find_ended_runs",
  text: `with page as materialized (
      select id, completed_at, seq, parent_run_id from workflow_runs
      where completed_at is not null and completed_at < ${OLD}
        and (completed_at, id) > ($2::timestamptz, $3::text)
      order by completed_at, id limit $4::integer
    ), roots as materialized (
      select *, parent_run_id = '' or not (
        select count(*) > 0 from workflow_runs q where q.id = page.parent_run_id) as is_root
      from page
    )
    select r.id, r.completed_at as "completedAt", r.seq as moves, r.is_root as "isRoot",
      tree.size, tree.is_open as "isOpen"
    from roots r cross join lateral (
      with recursive below as (
        select * from (${childrenOf("r.id")}) as first where r.is_root
        union all
        select next.* from below b cross join lateral (${childrenOf("b.id")}) as next
      )
      select count(*)::integer as size,
        coalesce(bool_or(t.completed_at is null or t.completed_at >= ${OLD}), false) as is_open
      from (select * from below limit ${TREE_AT_MOST + 1}) as t
    ) as tree
    order by r.completed_at, r.id`,
};

const PASS_OVER: Statement = {
  name: "pass_over_ended_run",
  text: `select id, completed_at as "completedAt" from workflow_runs
    where completed_at is not null and completed_at < ${OLD}
      and (completed_at, id) > ($2::timestamptz, $3::text)
    order by completed_at, id limit 1`,
};

// Subqueries with an aggregate are looked up run by run; `not exists` may be planned as a scan of all moves.
const DELETE_RUNS: Statement = {
  name: "delete_ended_runs",
  text: `with doomed as materialized (
      select r.id, r.definition_id, r.trigger_event_id, r.trigger_source from workflow_runs r
      where r.id = any($2::text[]) and r.completed_at < ${OLD}
        and (select count(*) = 0 from run_moves m join move_batches b on b.id = m.batch_id
          where m.run_id = r.id and b.published_at is null)
        and (select count(*) = 0 from effects e where e.id > r.id || '/' and e.id < r.id || '0')
      for update skip locked
    ), ids as materialized (select array(select id from doomed) as list
    ), starts as materialized (
      select s.at, s.created_at < now() - make_interval(days => ${START_DAYS}) as is_old
      from doomed d cross join lateral (
        select x.ctid as at, x.created_at from run_starts x
        where x.definition_id = d.definition_id and x.event_id = d.trigger_event_id
          and x.source = d.trigger_source and x.run_id = d.id limit 1) as s
    ), old_starts as (
      delete from run_starts where ctid = any(array(select at from starts where is_old)) returning 1
    ), young_starts as (
      update run_starts set run_deleted_at = now()
      where ctid = any(array(select at from starts where not is_old)) returning 1
    ), steps as (
      delete from step_runs where run_id = any((select list from ids)::text[]) returning 1
    ), children as (
      delete from child_runs where run_id = any((select list from ids)::text[]) returning 1
    ), items as (
      delete from inbox_items where run_id = any((select list from ids)::text[]) returning 1
    ), notes as (
      delete from inbox_notes where run_id = any((select list from ids)::text[]) returning 1
    ), moves as (
      delete from run_moves where run_id = any((select list from ids)::text[]) returning 1
    ), runs as (
      delete from workflow_runs where id = any((select list from ids)::text[]) returning 1
    )
    select (select count(*) from runs)::integer as runs,
      ((select count(*) from old_starts) + (select count(*) from steps) + (select count(*) from children)
        + (select count(*) from moves))::integer as rows`,
};

/** Runs `work` in a transaction while no other replica is at such work; undefined: another one is. */
export function inTurn<T>(
  database: Database,
  work: (tx: Tx) => Promise<T>,
): Promise<T | undefined> {
  return database.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean }>(LOCK, [LOCK_KEY]);
    return turn?.mine === true ? work(tx) : undefined;
  });
}

interface EndedRow extends EndedPlace {
  readonly moves: number;
  readonly isRoot: boolean;
  readonly size: number;
  readonly isOpen: boolean;
}

/** Deletes those of the next `limit` ended runs that are older than `days` and whose tree is. */
export async function dropEndedRuns(
  tx: Tx,
  days: number,
  after: EndedPlace,
  limit: number,
): Promise<DroppedRuns> {
  const found = await tx.query<EndedRow & { [column: string]: unknown }>(FIND_ENDED, [
    days,
    after.completedAt,
    after.id,
    limit,
  ]);
  const looked: EndedRow[] = [];
  let moves = 0;
  for (const row of found) {
    if (isDeletable(row)) moves += row.moves;
    if (looked.length > 0 && moves > MOVES_A_BATCH) break;
    looked.push(row);
  }
  const ids = looked.filter(isDeletable).map(({ id }) => id);
  const [dropped = { runs: 0, rows: 0 }] =
    ids.length === 0
      ? []
      : await tx.query<{ runs: number; rows: number }>(DELETE_RUNS, [days, ids]);
  const isEnd = looked.length === found.length && found.length < limit;
  return {
    ...dropped,
    parents: looked.filter((row) => isDeletable(row) && row.size > 0).length,
    tooLarge: looked.filter(({ size }) => size > TREE_AT_MOST).length,
    next: isEnd ? undefined : looked.at(-1),
  };
}

/** The place of the next ended run, whatever its tree is; undefined at the end. */
export async function passOverEnded(
  tx: Tx,
  days: number,
  { completedAt, id }: EndedPlace,
): Promise<EndedPlace | undefined> {
  const [row] = await tx.query<{ completedAt: Date; id: string }>(PASS_OVER, [
    days,
    completedAt,
    id,
  ]);
  return row;
}

function isDeletable({ isRoot, isOpen, size }: EndedRow): boolean {
  return isRoot && !isOpen && size <= TREE_AT_MOST;
}
