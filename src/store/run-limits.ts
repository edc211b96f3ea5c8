/**
 * Limits of workflows, the runs that are open under a key, and those that wait.
 * Boundary: rows and locks; what becomes of a start is decided by runtime/run-limits.ts.
 * Invariants:
 * L1 Whoever begins a run with a key has the lock of the key to the end of its transaction, and has counted under it. So no more runs of
 *    a key are open than its workflow allows, whatever the number of replicas. The lock is tried, never waited for.
 * L2 A statement that inserts a run without a key fails where its workflow has a limit (save-fences.ts). A limit is set under the lock
 *    of all starts (closed-workflows.ts).
 * L3 A run that waits is a row of workflow_runs: PENDING, with a key. Nothing else has to be stored, released or cleaned.
 * L4 The key of a workflow without an expression counts every run of it in production, also those that began before there was a limit.
 */
import {
  type RunLimit,
  storedKey,
  WAITING_AT_MOST,
  WHEN_FULL,
} from "../engine/values/run-limit.ts";
import type { Queries, Statement, Tx } from "./database.ts";

/** A key of a workflow's runs, as it is stored with them. */
export interface RunKey {
  readonly definitionId: string;
  readonly key: string;
}

/** Of a key: how many further runs may begin, and how many wait. */
export interface KeyRoom extends RunKey {
  /** Below 1: none. Null: the workflow has no limit. */
  readonly room: number | null;
  readonly whenFull: number | null;
  /** Up to WAITING_AT_MOST. */
  readonly waiting: number;
}

/** A run of a key. */
interface KeyedRun {
  readonly id: string;
  readonly workspaceId: string;
  /** When it was made, in seconds since 1970 with microseconds. */
  readonly madeAt: number;
}

/** A key with runs that wait, oldest first, without those that are left out. */
export interface WaitingKey extends RunKey {
  /** Null: the workflow has no limit any more. */
  readonly maxOpenRuns: number | null;
  readonly whenFull: number | null;
  readonly waiting: readonly KeyedRun[];
  /** Those that are open, a COMPENSATING one among them; one more than the limit at most. */
  readonly open: readonly (KeyedRun & { readonly state: string })[];
}

/** The key of runs of production of a workflow without an expression. */
const OF_PRODUCTION = storedKey(undefined, undefined);
const REPLACES = WHEN_FULL.indexOf("replace");
const WAITS = "r.concurrency_key is not null and r.state = 'PENDING'";
const WAITING_OF_KEY = `${WAITS} and r.definition_id = k.definition_id and r.concurrency_key = k.key`;
/** Open runs of the key `k` of a workflow with the limit `l`, one more than it at most: more make no difference. */
const OPEN_OF_KEY = `(
    select r.* from (values ('RUNNING'), ('PAUSED'), ('COMPENSATING')) as s(state)
    cross join lateral (
      select r.id, r.workspace_id, r.state, r.created_at from workflow_runs r
      where r.workspace_id = l.workspace_id and r.definition_id = k.definition_id and r.state = s.state
        and r.environment is null
      limit l.max_open_runs + 1) as r
    where k.key = '${OF_PRODUCTION}' limit l.max_open_runs + 1)
  union all (
    select r.id, r.workspace_id, r.state, r.created_at from workflow_runs r
    where k.key <> '${OF_PRODUCTION}' and r.definition_id = k.definition_id and r.concurrency_key = k.key
      and r.concurrency_key is not null and r.completed_at is null and r.state <> 'PENDING' and l.max_open_runs > 0
    limit l.max_open_runs + 1)`;
/** Looked up key by key: the planner may read all limits for a join. */
const LIMIT_OF_KEY = `left join lateral (
    select * from workflow_limits where definition_id = k.definition_id and max_open_runs > 0 offset 0) as l on true`;

const FIND: Statement = {
  name: "find_run_limits",
  text: `select definition_id as "definitionId", max_open_runs as "maxOpenRuns", when_full as "whenFull",
      concurrency_key as "concurrencyKey"
    from unnest($1::text[]) as wanted(id)
    cross join lateral (select * from workflow_limits where definition_id = wanted.id offset 0) as l where max_open_runs > 0`,
};
const SAVE: Statement = {
  name: "save_run_limit",
  text: `insert into workflow_limits (definition_id, workspace_id, max_open_runs, when_full, concurrency_key)
    values ($1, $2, $3, $4, $5)
    on conflict (definition_id) do update set max_open_runs = excluded.max_open_runs, when_full = excluded.when_full,
      concurrency_key = excluded.concurrency_key`,
};
const LOCK: Statement = {
  name: "lock_run_keys",
  text: `select definition_id as "definitionId", key from unnest($1::text[], $2::text[]) as v(definition_id, key)
    where pg_try_advisory_xact_lock(hashtextextended(definition_id || chr(30) || key, 0))`,
  withBegin: true,
};
const ROOM: Statement = {
  name: "find_room_of_keys",
  text: `select k.definition_id as "definitionId", k.key, l.when_full as "whenFull",
      l.max_open_runs - (select count(*) from (${OPEN_OF_KEY}) as o)::integer as room,
      (select count(*) from (select from workflow_runs r where ${WAITING_OF_KEY} limit ${WAITING_AT_MOST}) as w)::integer
        as waiting
    from unnest($1::text[], $2::text[]) as k(definition_id, key)
    ${LIMIT_OF_KEY}`,
};
// From key to key along the index: what it costs follows from the keys alone, not from the runs that wait.
const FIND_WAITING: Statement = {
  name: "find_waiting_runs",
  text: `with recursive keys as (
      (select r.definition_id, r.concurrency_key as key from workflow_runs r
        where ${WAITS} and (r.definition_id, r.concurrency_key) > ($1::text, $2::text)
        order by r.definition_id, r.concurrency_key limit 1)
      union all
      select n.definition_id, n.key from keys k cross join lateral (
        select r.definition_id, r.concurrency_key as key from workflow_runs r
        where ${WAITS} and (r.definition_id, r.concurrency_key) > (k.definition_id, k.key)
        order by r.definition_id, r.concurrency_key limit 1) as n),
    chosen as materialized (select * from keys limit $3::integer)
    select k.definition_id as "definitionId", k.key, l.max_open_runs as "maxOpenRuns", l.when_full as "whenFull",
      coalesce((select json_agg(json_build_object('id', w.id, 'workspaceId', w.workspace_id, 'madeAt', extract(epoch from w.created_at))
          order by w.created_at, w.id)
        from (select r.id, r.workspace_id, r.created_at from workflow_runs r where ${WAITING_OF_KEY} and r.id <> all($5::text[])
          order by r.created_at, r.id limit case when l.when_full <> ${REPLACES} then l.max_open_runs else $4::integer end) as w), '[]')
        as waiting,
      coalesce((select json_agg(json_build_object('id', o.id, 'workspaceId', o.workspace_id, 'state', o.state,
          'madeAt', extract(epoch from o.created_at))
        order by o.created_at, o.id) from (${OPEN_OF_KEY}) as o where l.max_open_runs is not null), '[]') as open
    from chosen as k
    ${LIMIT_OF_KEY}`,
};

interface LimitRow extends Omit<RunLimit, "whenFull"> {
  readonly definitionId: string;
  readonly whenFull: number;
}

/** The limits of these workflows, by their ids; those without one are absent. */
export async function findRunLimits(
  db: Queries,
  definitionIds: readonly string[],
): Promise<Map<string, RunLimit>> {
  const rows = await db.query<LimitRow & Record<string, unknown>>(FIND, [definitionIds]);
  return new Map(rows.map((row) => [row.definitionId, limitOfRow(row)]));
}

/** The limit of a row. */
export function limitOfRow({
  maxOpenRuns,
  concurrencyKey,
  whenFull,
}: Omit<LimitRow, "definitionId">): RunLimit {
  return { maxOpenRuns, concurrencyKey, whenFull: WHEN_FULL[whenFull] ?? "queue" };
}

/** Stores a limit; the transaction has the lock of all starts. */
export async function saveRunLimit(
  tx: Tx,
  { definitionId, workspaceId }: { readonly definitionId: string; readonly workspaceId: string },
  { maxOpenRuns, concurrencyKey, whenFull }: RunLimit,
): Promise<void> {
  const values = [maxOpenRuns, WHEN_FULL.indexOf(whenFull), concurrencyKey];
  await tx.query(SAVE, [definitionId, workspaceId, ...values]);
}

/** Keeps others from beginning runs of these keys until the transaction ends; gives the keys for which that is so. */
export function lockKeys(tx: Tx, keys: readonly RunKey[]): Promise<RunKey[]> {
  return tx.query<RunKey & Record<string, unknown>>(LOCK, columnsOf(keys));
}

/** The room of each of these keys. */
export function findRoom(db: Queries, keys: readonly RunKey[]): Promise<KeyRoom[]> {
  return db.query<KeyRoom & Record<string, unknown>>(ROOM, columnsOf(keys));
}

/**
 * Keys after this one with runs that wait, `limit.keys` at most: each with as many of them as may be open at once, or with `limit.runs`
 * where the newest ones replace older ones, or where there is no limit any more. Runs of `leftOut` are not among them.
 */
export function findWaiting(
  db: Queries,
  after: RunKey,
  limit: { readonly keys: number; readonly runs: number },
  leftOut: readonly string[],
): Promise<WaitingKey[]> {
  const values = [after.definitionId, after.key, limit.keys, limit.runs, leftOut];
  return db.query<WaitingKey & Record<string, unknown>>(FIND_WAITING, values);
}

function columnsOf(keys: readonly RunKey[]): [string[], string[]] {
  return [keys.map(({ definitionId }) => definitionId), keys.map(({ key }) => key)];
}
