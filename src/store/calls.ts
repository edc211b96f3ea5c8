/**
 * Leases of calls: which replica performs which call, until when.
 * Boundary: rows of effects are written and deleted with moves (see save-batch.ts); here they only change hands.
 * Invariants:
 * L1 Time is the database's: a lease begins, ends and is judged by its clock.
 * L2 One statement a verb, whatever the number of calls.
 * L3 A call is held (it has a holder) or free (it has none). A lease that ran out makes a held call free; only free
 *    calls are claimed. So a claim reads free calls alone, however many are held.
 * L4 Rows are locked in the order of their ids and never waited for: commits, which delete them, hold other locks.
 */
import { type CallKind, runOfCall } from "../engine/values/call.ts";
import { selectList } from "./columns.ts";
import type { Database, Statement } from "./database.ts";
import { effects } from "./schema/calls.ts";

/** How long a call is kept from other replicas without being renewed. */
export const CALL_LEASE_MS = 20_000;

/** A call that this replica holds for 20 seconds by the database's clock. */
export interface LeasedCall {
  readonly callId: string;
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly kind: CallKind;
  /** The request's bytes, the same on every try. */
  readonly request: Uint8Array;
  readonly createdAtMs: number;
}

/** A call that changed hands, with its age by the database's clock. */
export interface ClaimedCall extends LeasedCall {
  readonly ageMs: number;
  readonly isWanted: boolean;
}

/** A call whose lease was renewed. */
export interface RenewedCall {
  readonly id: string;
  /** Whether its attempt still waits for it. */
  readonly isWanted: boolean;
}

/** How many free calls of a kind are wanted. */
export interface ClaimPlaces {
  readonly kind: CallKind;
  /** Workspaces after this one, "" from the first: where the last claim of the kind ended. */
  readonly after: string;
  readonly places: number;
  /** Bytes of their requests; one call is taken all the same. */
  readonly bytes: number;
}

/** The calls of one kind of one workspace. */
export interface WorkspaceCalls {
  readonly kind: CallKind;
  readonly workspaceId: string;
}

/** What a claim gives. */
export interface Claim {
  readonly claimed: readonly ClaimedCall[];
  /** Where the next claim of each kind goes on. */
  readonly next: ReadonlyMap<CallKind, string>;
  /** Kinds of which more calls may be free. */
  readonly full: ReadonlySet<CallKind>;
  /** More leases have run out than were looked at. */
  readonly moreExpired: boolean;
}

type CallRow = typeof effects.$inferSelect & Pick<ClaimedCall, "ageMs" | "isWanted">;
type ClaimRow = {
  readonly ofKind: string;
  readonly places: number;
  readonly next: string | null;
} & (CallRow | { readonly [Name in keyof CallRow]: null });

const LEASE = `clock_timestamp() + interval '${CALL_LEASE_MS} milliseconds'`;
// Ids of calls are sorted by bytes, unlike those of runs: without the collation no index of step_runs would serve.
// The end of an attempt makes its calls needless: what has ended stays ended. An objective that may exist is created
// all the same: only its id lets the service cancel it. A message belongs to a step that succeeded without waiting for
// it.
const IS_WANTED = `not exists (
      select 1 from step_runs s
      where s.run_id = split_part(e.id, '/', 1) collate "default" and s.step_index = e.step_index
        and e.kind in ('look_up', 'evaluate_action', 'request_approval', 'delegate', 'send_notification')
        and (s.retry_count + 1 <> e.attempt or s.state in ('FAILED', 'CANCELLED')
          or s.completed_at is not null and e.kind <> 'send_notification')
    ) as "isWanted"`;
const WORKSPACES_A_CLAIM = 200;
const EXPIRED_AT_ONCE = 500;
// The first entry of each index: an `exists` would drop the order, and may scan the table.
const FIND_ANY: Statement = {
  name: "find_any_call_to_claim",
  text: `select (select lease_until from effects where holder = ''
        order by kind, workspace_id, lease_until limit 1) is not null
      or coalesce((select lease_until from effects where holder <> ''
        order by lease_until limit 1) <= now(), false) as "isAny"`,
};
const EXPIRE: Statement = {
  name: "expire_calls",
  text: `update effects set holder = '' where id = any(array(
      select id from effects where holder <> '' and lease_until <= now()
      order by lease_until limit ${EXPIRED_AT_ONCE} for update skip locked))
    returning 1`,
};
// The walk finds the workspaces that wait with one look into the index each. Each has its share of the places; what the
// share leaves is cut by bytes, the first calls of all workspaces before the second ones.
const CLAIM: Statement = {
  name: "claim_calls",
  text: `with recursive wanted as materialized (
      select * from unnest($2::text[], $3::text[], $4::integer[], $5::bigint[])
        as w(kind, after, places, bytes)),
    walk(kind, workspace_id, n) as (
      select kind, after, 0 from wanted
      union all
      select k.kind, next.workspace_id, k.n + 1 from walk k cross join lateral (
        select e.workspace_id from effects e
        where e.holder = '' and e.kind = k.kind and e.workspace_id > k.workspace_id
        order by e.workspace_id limit 1) as next
      where k.n < ${WORKSPACES_A_CLAIM}),
    turns as (
      select w.kind, w.places, w.bytes, k.workspace_id, count(*) over (partition by w.kind) as waiting
      from walk k join wanted w on w.kind = k.kind
      where k.n > 0 and not exists (
        select 1 from unnest($6::text[], $7::text[]) as without(kind, workspace_id)
        where without.kind = k.kind and without.workspace_id = k.workspace_id)),
    found as materialized (
      select t.kind, t.places, t.bytes, f.id, f.size,
        row_number() over (partition by t.kind, t.workspace_id order by f.lease_until) as turn
      from turns t cross join lateral (
        select e.id, e.lease_until, octet_length(e.request) as size from effects e
        where e.holder = '' and e.kind = t.kind and e.workspace_id = t.workspace_id
          and e.lease_until <= now()
        order by e.lease_until limit ceil(t.places::float8 / t.waiting)::integer
        for update skip locked) as f),
    ranked as (
      select id, places, bytes, row_number() over each as place, sum(size) over each as total
      from found window each as (partition by kind order by turn, id)),
    claimed as (
      update effects e set lease_until = ${LEASE}, holder = $1 where e.id = any(array(
        select id from ranked where place <= places and (total <= bytes or place = 1)))
      returning ${selectList(effects, "e")},
        floor(extract(epoch from clock_timestamp() - e.created_at) * 1000)::bigint as "ageMs", ${IS_WANTED})
    select w.kind as "ofKind", w.places, last.workspace_id as next, c.*
    from wanted w
    left join walk last on last.kind = w.kind and last.n = ${WORKSPACES_A_CLAIM}
    left join claimed c on c.kind = w.kind`,
};
// A call that a commit has locked is about to leave, or stays held for this time: it counts as kept.
const RENEW: Statement = {
  name: "renew_calls",
  text: `with held as materialized (
      select id from effects where id = any($2::text[]) and holder = $1
      order by id for update skip locked),
    renewed as (
      update effects e set lease_until = ${LEASE} where e.id = any(array(select id from held))
      returning e.id, ${IS_WANTED})
    select id, "isWanted" from renewed
    union all
    select e.id, true from effects e
    where e.id = any($2::text[]) and e.holder = $1 and not exists (
      select 1 from held where held.id = e.id)`,
};
// The column has milliseconds, and rounds: up, a claim that follows at once would find nothing.
const RELEASE: Statement = {
  name: "release_calls",
  text: `update effects
    set holder = '',
      lease_until = date_trunc('milliseconds', clock_timestamp()) + $3::integer * interval '1 millisecond'
    where id = any(array(
      select id from effects where id = any($2::text[]) and holder = $1
      order by id for update skip locked))`,
};
const DROP: Statement = {
  name: "drop_calls",
  text: `delete from effects where id = any(array(
    select id from effects where id = any($1::text[]) order by id for update skip locked))`,
};

/**
 * Claims free calls, those of a workspace that are free for longest first; the workspaces of a kind share its places. Where no call
 * is free and no lease has run out, that is one look.
 */
export async function claimCalls(
  database: Database,
  holder: string,
  places: readonly ClaimPlaces[],
  without: readonly WorkspaceCalls[],
): Promise<Claim> {
  const [found] = await database.read.query<{ isAny: boolean }>(FIND_ANY, []);
  if (found?.isAny === false) {
    const next = new Map(places.map(({ kind }) => [kind, ""]));
    return { claimed: [], next, full: new Set(), moreExpired: false };
  }
  const rows = await database.transaction(async (tx) => {
    const expired = await tx.query(EXPIRE, []);
    const claimed = await tx.query<ClaimRow>(CLAIM, [
      holder,
      places.map(({ kind }) => kind),
      places.map(({ after }) => after),
      places.map((each) => each.places),
      places.map(({ bytes }) => bytes),
      without.map(({ kind }) => kind),
      without.map(({ workspaceId }) => workspaceId),
    ]);
    return { claimed, moreExpired: expired.length === EXPIRED_AT_ONCE };
  });
  return claimOf(rows.claimed, rows.moreExpired);
}

function claimOf(rows: readonly ClaimRow[], moreExpired: boolean): Claim {
  const claimed: ClaimedCall[] = [];
  const next = new Map<CallKind, string>();
  const counts = new Map<CallKind, number>();
  const full = new Set<CallKind>();
  for (const row of rows) {
    const kind = requireKind(row.ofKind);
    next.set(kind, row.next ?? "");
    if (row.next !== null) full.add(kind);
    if (row.id === null) continue;
    claimed.push(claimedOf(row));
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count === row.places) full.add(kind);
  }
  return { claimed, next, full, moreExpired };
}

function claimedOf(row: CallRow): ClaimedCall {
  return {
    callId: row.id,
    runId: runOfCall(row.id),
    workspaceId: row.workspaceId,
    stepIndex: row.stepIndex,
    attempt: row.attempt,
    kind: requireKind(row.kind),
    request: row.request,
    createdAtMs: row.createdAt.getTime(),
    ageMs: row.ageMs,
    isWanted: row.isWanted,
  };
}

/** Keeps calls for another lease; gives those that the holder still holds. The others are gone or another's. */
export async function renewCalls(
  database: Database,
  holder: string,
  ids: readonly string[],
): Promise<RenewedCall[]> {
  return database.transaction((tx) => tx.query<RenewedCall>(RENEW, [holder, ids]));
}

/** Gives calls back: they are free after `delayMs`. Those that a commit has locked keep their lease. */
export async function releaseCalls(
  database: Database,
  holder: string,
  ids: readonly string[],
  delayMs = 0,
): Promise<void> {
  await database.transaction((tx) => tx.query(RELEASE, [holder, ids, delayMs]));
}

/** Deletes calls whose run does not exist, so that no replica claims them again. */
export async function dropCalls(database: Database, ids: readonly string[]): Promise<void> {
  await database.transaction((tx) => tx.query(DROP, [ids]));
}

const KINDS: Readonly<Record<CallKind, CallKind>> = {
  look_up: "look_up",
  create_objective: "create_objective",
  delegate: "delegate",
  read_output: "read_output",
  query_usage: "query_usage",
  cancel_objective: "cancel_objective",
  request_approval: "request_approval",
  escalate_approval: "escalate_approval",
  evaluate_action: "evaluate_action",
  send_notification: "send_notification",
  start_run: "start_run",
  cancel_run: "cancel_run",
  compensate_run: "compensate_run",
  tell_parent: "tell_parent",
  start_rerun: "start_rerun",
};
/** Every kind of call. */
export const CALL_KINDS: readonly CallKind[] = Object.values(KINDS);
const KIND_OF_TEXT: ReadonlyMap<string, CallKind> = new Map(Object.entries(KINDS));

function requireKind(text: string): CallKind {
  const kind = KIND_OF_TEXT.get(text);
  if (kind === undefined) throw new Error(`a row of effects names the unknown kind ${text}`);
  return kind;
}
