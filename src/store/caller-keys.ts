/**
 * Rows of callers' idempotency keys.
 * Boundary: single statements by the database's clock; what an answer or a refusal follows from is
 * runtime/caller-keys.ts.
 * Invariants:
 * K1 No statement waits for a key that is being marked: it is inserted or not, and taken over only when no transaction is
 *    writing it.
 * K2 Only the holder of a claim marks its key. A try that was taken over marks nothing, and so commits nothing.
 * K3 A key that is answered or given back has no holder ('') and no lease. A renewal that was on its way finds neither.
 */
import { hexOf } from "./columns.ts";
import type { Queries, Statement, Tx } from "./database.ts";

/** One try of a call that carries a key; `holder` is drawn anew for every try. */
export interface KeyClaim {
  readonly workspaceId: string;
  readonly method: string;
  readonly key: string;
  readonly holder: string;
}

/** A claim and the id of what its call made or changed. */
export interface AppliedKey extends KeyClaim {
  readonly appliedTo: string;
}

/** A claim, and the hash of the request that it is for. */
export interface NewClaim extends KeyClaim {
  readonly bodyHash: Uint8Array;
}

/** A key and the answer to its call. */
export interface AnsweredKey extends AppliedKey {
  readonly answer: Uint8Array | null;
}

/** What is known of a key that others hold or have answered. */
export interface KeptKey {
  readonly bodyHash: Buffer;
  readonly answer: Buffer | null;
}

const KEPT = "make_interval(days => 7)";
// A replica that lives renews its leases every second (runtime/held-keys.ts); a dead one holds a key no longer than
// this.
const LEASE = "make_interval(secs => 4)";
// The column has milliseconds, and rounds: up, the lease would last until after this moment.
const OVER = "date_trunc('milliseconds', clock_timestamp())";

// A key that is stored is left out by a read: `on conflict` would wait for a transaction that marks it, and all keys of the
// statement with it. It still waits where another one is inserting one of these keys at the moment. All insert in one order, so that
// two that have several keys in common wait for each other in turn.
const INSERT: Statement = {
  name: "insert_caller_keys",
  text: `insert into caller_keys
      (workspace_id, method, key, holder, body_hash, created_at, lease_until)
    select v."workspaceId", v.method, v.key, v.holder, v."bodyHash", clock_timestamp(),
      clock_timestamp() + ${LEASE}
    from jsonb_to_recordset($1::jsonb) as v("workspaceId" text, method text, key text,
      holder text, "bodyHash" bytea)
    where not exists (select 1 from caller_keys k
      where k.workspace_id = v."workspaceId" and k.method = v.method and k.key = v.key)
    order by v."workspaceId", v.method, v.key
    on conflict do nothing returning holder`,
};

const TAKE_OVER: Statement = {
  name: "take_over_caller_key",
  text: `update caller_keys k
    set holder = $4, body_hash = $5, answer = null, lease_until = clock_timestamp() + ${LEASE},
      applied_to = case when o.expired then null else k.applied_to end,
      created_at = case when o.expired then clock_timestamp() else k.created_at end
    from (
      select workspace_id, method, key, created_at < clock_timestamp() - ${KEPT} as expired
      from caller_keys
      where workspace_id = $1 and method = $2 and key = $3
        and (created_at < clock_timestamp() - ${KEPT}
          or (body_hash = $5 and answer is null and lease_until <= clock_timestamp()))
      for update skip locked) as o
    where k.workspace_id = o.workspace_id and k.method = o.method and k.key = o.key
    returning k.applied_to as "appliedTo"`,
};

// A row that a batch is writing is left out: while it is locked it cannot be taken over.
const RENEW: Statement = {
  name: "renew_caller_keys",
  text: `with held as (
      select k.workspace_id, k.method, k.key
      from jsonb_to_recordset($1::jsonb)
        as v("workspaceId" text, method text, key text, holder text)
      join caller_keys k on k.workspace_id = v."workspaceId" and k.method = v.method
        and k.key = v.key and k.holder = v.holder
      for update of k skip locked)
    update caller_keys k set lease_until = clock_timestamp() + ${LEASE} from held h
    where k.workspace_id = h.workspace_id and k.method = h.method and k.key = h.key`,
};

const FIND: Statement = {
  name: "find_caller_key",
  text: `select body_hash as "bodyHash", answer from caller_keys
    where workspace_id = $1 and method = $2 and key = $3`,
};

const MARK: Statement = {
  name: "mark_caller_keys",
  text: `update caller_keys k set applied_to = v."appliedTo"
    from jsonb_to_recordset($1::jsonb) as v("workspaceId" text, method text, key text,
      holder text, "appliedTo" text)
    where k.workspace_id = v."workspaceId" and k.method = v.method and k.key = v.key
      and k.holder = v.holder
    returning true as marked`,
};

const ANSWER: Statement = {
  name: "answer_caller_keys",
  text: `update caller_keys k
    set answer = v.answer, applied_to = coalesce(k.applied_to, v."appliedTo"), holder = '',
      lease_until = ${OVER}
    from jsonb_to_recordset($1::jsonb) as v("workspaceId" text, method text, key text,
      holder text, "appliedTo" text, answer bytea)
    where k.workspace_id = v."workspaceId" and k.method = v.method and k.key = v.key
      and k.holder = v.holder`,
};

// A transaction that still writes the key may yet commit what its call did: then the key stays until its lease ends.
const GIVE_BACK: Statement = {
  name: "give_back_caller_key",
  text: `with held as (
      select workspace_id, method, key, applied_to from caller_keys
      where workspace_id = $1 and method = $2 and key = $3 and holder = $4
      for update skip locked
    ), gone as (
      delete from caller_keys k using held h
      where k.workspace_id = h.workspace_id and k.method = h.method and k.key = h.key
        and h.applied_to is null
    )
    update caller_keys k set holder = '', lease_until = ${OVER} from held h
    where k.workspace_id = h.workspace_id and k.method = h.method and k.key = h.key
      and h.applied_to is not null`,
};

// `now()`: only a value that is fixed for the statement is looked up in an index. The order asks for that index.
const DROP_OLD: Statement = {
  name: "drop_old_caller_keys",
  text: `with gone as (
      delete from caller_keys where ctid = any(array(
        select ctid from caller_keys where created_at < now() - ${KEPT}
        order by created_at limit $1::integer for update skip locked))
      returning 1
    ) select count(*)::int as dropped from gone`,
};

/** Claims keys that are not stored yet; gives for each whether it is claimed. The others are stored already. */
export async function claimKeys(queries: Queries, claims: readonly NewClaim[]): Promise<boolean[]> {
  const rows = claims.map((claim) => ({ ...claim, bodyHash: hexOf(claim.bodyHash) }));
  const claimed = await queries.query<{ holder: string }>(INSERT, [JSON.stringify(rows)]);
  const holders = new Set(claimed.map(({ holder }) => holder));
  return claims.map(({ holder }) => holders.has(holder));
}

/**
 * Claims a key whose lease ran out without an answer to the same body, or that is older than 7 days. Gives what the
 * earlier try changed, null for nothing; undefined: it cannot be had.
 */
export async function takeOverKey(
  queries: Queries,
  claim: KeyClaim,
  bodyHash: Uint8Array,
): Promise<{ appliedTo: string | null } | undefined> {
  const [row] = await queries.query<{ appliedTo: string | null }>(TAKE_OVER, [
    ...valuesOf(claim),
    bodyHash,
  ]);
  return row;
}

/** Begins the leases of these claims anew, as far as they still hold. */
export async function renewKeys(queries: Queries, claims: readonly KeyClaim[]): Promise<void> {
  await queries.query(RENEW, [JSON.stringify(claims)]);
}

/** The stored body hash and answer of the key, regardless of its holder. */
export async function findKey(
  queries: Queries,
  { workspaceId, method, key }: KeyClaim,
): Promise<KeptKey | undefined> {
  const values = [workspaceId, method, key];
  const [row] = await queries.query<{ bodyHash: Buffer; answer: Buffer | null }>(FIND, values);
  return row;
}

/** Marks keys with what their calls changed; gives how many claims still held. */
export async function markKeys(tx: Tx, keys: readonly AppliedKey[]): Promise<number> {
  return (await tx.query(MARK, [JSON.stringify(keys)])).length;
}

/** Keeps answers (null: too large); `appliedTo` counts where no transaction has marked the key. */
export async function answerKeys(queries: Queries, keys: readonly AnsweredKey[]): Promise<void> {
  const rows = keys.map((key) => ({ ...key, answer: key.answer && hexOf(key.answer) }));
  await queries.query(ANSWER, [JSON.stringify(rows)]);
}

/** Gives a claim back: the key is gone, or, when its call has changed something, free to be read by the next try. */
export async function giveBackKey(queries: Queries, claim: KeyClaim): Promise<void> {
  await queries.query(GIVE_BACK, valuesOf(claim));
}

/** Drops at most `limit` keys that are older than 7 days; gives how many went. */
export async function dropOldKeys(tx: Tx, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DROP_OLD, [limit]);
  return row?.dropped ?? 0;
}

function valuesOf({ workspaceId, method, key, holder }: KeyClaim): string[] {
  return [workspaceId, method, key, holder];
}
