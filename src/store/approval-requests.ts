/**
 * Requests for approval that the service keeps itself, and their decisions (APPROVALS_URL=builtin).
 * Boundary: rows; what a caller may ask is builtin/approvals/. No statement here touches a run.
 * Invariants:
 * A1 A request is decided once: its row is updated only while it is open and has not expired.
 * A2 A decision is written in the transaction that decides its request, as the outbox row of its event.
 * A3 The database's clock alone says when a request expires.
 */
import { DUE_NOW } from "./columns.ts";
import type { Database, Queries, Statement, Tx } from "./database.ts";

/** A request to keep. */
export interface NewApproval {
  readonly id: string;
  readonly workspaceId: string;
  readonly bodyHash: Uint8Array;
  readonly agentId: string;
  readonly surface: string;
  readonly actionType: string;
  readonly approverUserId: string;
  readonly contextJson: string;
  readonly actionPayload: Uint8Array;
  readonly riskLevel: number;
  /** Undefined: it never expires. */
  readonly expireAfterMs?: number | undefined;
  /** The item of the Inbox; "" for none. */
  readonly itemId: string;
  /** Whether its approver is notified, and reminded each time after `remindAfterMs`. */
  readonly isNoticed: boolean;
  readonly remindAfterMs?: number | undefined;
}

/** A request as it is kept. */
export interface StoredApproval
  extends Omit<NewApproval, "expireAfterMs" | "itemId" | "isNoticed" | "remindAfterMs"> {
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Number of DecisionType; 0: open. */
  readonly decision: number;
}

/** A decision to record; `id` is the same on each try of a call. */
export interface NewDecision {
  readonly requestId: string;
  readonly id: string;
  readonly decision: number;
  readonly decidedBy: string;
  readonly reason: string;
  /** The program through which the person came; empty: it did not say. */
  readonly via: string;
}

/** A decision as it is kept. */
export interface StoredDecision extends NewDecision {
  readonly decidedAt: Date;
}

/** A decision whose event is to be published. */
export interface UnpublishedDecision extends StoredDecision {
  readonly workspaceId: string;
  readonly contextJson: string;
}

const REQUEST_COLUMNS = `r.id, r.workspace_id as "workspaceId", r.body_hash as "bodyHash",
  r.agent_id as "agentId", r.surface, r.action_type as "actionType",
  r.approver_user_id as "approverUserId", r.context_json as "contextJson",
  r.action_payload as "actionPayload", r.risk_level as "riskLevel",
  r.created_at as "createdAt", r.updated_at as "updatedAt", r.decision`;
const DECISION_COLUMNS = `d.request_id as "requestId", d.id, d.decision, d.decided_by as "decidedBy",
  d.reason, d.via, d.decided_at as "decidedAt"`;
const IS_OPEN = "r.decision = 0 and (r.expires_at is null or r.expires_at > now())";

const INSERT: Statement = {
  name: "insert_approval_request",
  text: `insert into approval_requests (created_at, updated_at, expires_at, decision, risk_level, id,
      workspace_id, body_hash, agent_id, surface, action_type, approver_user_id, context_json,
      action_payload, item_id, notice_at, remind_after_ms)
    values (now(), now(), now() + $1::float8 * interval '1 millisecond', 0, $2, $3, $4, $5, $6, $7,
      $8, $9, $10, $11, $12, case when $13::boolean then ${DUE_NOW} end, $14)
    on conflict (id) do nothing`,
};
const FIND: Statement = {
  name: "find_approval_request",
  text: `select ${REQUEST_COLUMNS} from approval_requests r where r.id = $1`,
};
const DECIDE: Statement = {
  name: "decide_approval",
  text: `with decided as (
      update approval_requests r set decision = $3, updated_at = now()
      where r.id = $1 and ${IS_OPEN} returning r.id
    )
    insert into approval_decisions as d
      (decided_at, lease_until, decision, request_id, id, decided_by, reason, via)
    select now(), ${DUE_NOW}, $3, id, $2, $4, $5, $6 from decided
    returning ${DECISION_COLUMNS}`,
};
const ESCALATE: Statement = {
  name: "escalate_approval",
  text: `with passed_on as (
      update approval_requests r set updated_at = now()
      where r.id = $1 and ${IS_OPEN} returning r.id
    )
    insert into approval_decisions as d
      (decided_at, lease_until, decision, request_id, id, decided_by, reason, via)
    select now(), ${DUE_NOW}, $3, id, $2, $4, $5, $6 from passed_on
    on conflict (request_id, id) do update set id = excluded.id
    returning ${DECISION_COLUMNS}`,
};
const LIST_DECISIONS: Statement = {
  name: "list_approval_decisions",
  text: `select ${DECISION_COLUMNS} from approval_decisions d
    where d.request_id = $1 order by d.decided_at, d.id`,
};
const COUNTED_TO = 10_000;
const LIST_OPEN: Statement = {
  name: "list_open_approvals",
  text: `select ${REQUEST_COLUMNS} from approval_requests r
    where r.workspace_id = $1 and r.decision = 0
    order by r.created_at, r.id limit $2 offset $3`,
};
const COUNT_OPEN: Statement = {
  name: "count_open_approvals",
  text: `select count(*)::int as total from (
      select 1 from approval_requests r
      where r.workspace_id = $1 and r.decision = 0 limit ${COUNTED_TO}) as counted`,
};
const EXPIRE: Statement = {
  name: "expire_approvals",
  text: `with due as (
      select r.id from approval_requests r
      where r.decision = 0 and r.expires_at <= now()
      order by r.expires_at limit $1 for update skip locked
    ), expired as (
      update approval_requests r set decision = $2, updated_at = now()
      from due where r.id = due.id returning r.id
    )
    insert into approval_decisions
      (decided_at, lease_until, decision, request_id, id, decided_by, reason)
    select now(), ${DUE_NOW}, $2, id, 'apd_' || substr(id, 5), '', $3 from expired
    returning 1`,
};
const CLAIM: Statement = {
  name: "claim_approval_decisions",
  text: `with mine as (
      select d.request_id, d.id from approval_decisions d
      where d.published_at is null and d.lease_until <= now()
      order by d.lease_until limit $1 for update skip locked
    )
    update approval_decisions d set lease_until = now() + $2::float8 * interval '1 millisecond'
    from mine, approval_requests r
    where d.request_id = mine.request_id and d.id = mine.id and r.id = d.request_id
    returning ${DECISION_COLUMNS}, r.workspace_id as "workspaceId", r.context_json as "contextJson"`,
};
const MARK: Statement = {
  name: "mark_approval_decisions",
  text: `update approval_decisions d set published_at = now()
    from unnest($1::text[], $2::text[]) as v(request_id, id)
    where d.request_id = v.request_id and d.id = v.id`,
};
const DROP_OLD: Statement = {
  name: "drop_old_approvals",
  text: `with gone as materialized (
      select r.id from approval_requests r
      where r.decision <> 0 and r.updated_at < now() - make_interval(days => $1)
        and (select count(*) = 0 from approval_decisions d
          where d.request_id = r.id and d.published_at is null)
      order by r.updated_at limit $2::integer for update skip locked
    ), ids as materialized (select array(select id from gone) as list
    ), decisions as (
      delete from approval_decisions where request_id = any((select list from ids)::text[]) returning 1
    ), requests as (
      delete from approval_requests where id = any((select list from ids)::text[]) returning 1
    )
    select (select count(*) from requests)::int as dropped`,
};

/** Keeps a request unless its id has one already; gives the one that is kept. */
export async function keepApproval(
  database: Database,
  request: NewApproval,
): Promise<StoredApproval> {
  await database.alone.query(INSERT, [
    request.expireAfterMs ?? null,
    request.riskLevel,
    request.id,
    request.workspaceId,
    Buffer.from(request.bodyHash),
    request.agentId,
    request.surface,
    request.actionType,
    request.approverUserId,
    request.contextJson,
    Buffer.from(request.actionPayload),
    ...[request.itemId, request.isNoticed, request.remindAfterMs ?? null],
  ]);
  const stored = await findApproval(database.write, request.id);
  if (stored === undefined) throw new Error("a request that was kept is gone");
  return stored;
}

/** A request by its id. */
export async function findApproval(db: Queries, id: string): Promise<StoredApproval | undefined> {
  const [row] = await db.query<StoredApproval & Row>(FIND, [id]);
  return row;
}

/** Decides a request that is open; undefined: there is none, or it is decided or has expired. */
export function decideApproval(
  database: Database,
  decision: NewDecision,
): Promise<StoredDecision | undefined> {
  return record(database, DECIDE, decision);
}

/** Records that an open request was passed on; undefined as for decideApproval. A repeat gives the first record. */
export function escalateApproval(
  database: Database,
  decision: NewDecision,
): Promise<StoredDecision | undefined> {
  return record(database, ESCALATE, decision);
}

/** The decisions on a request, oldest first. */
export function listDecisions(db: Queries, requestId: string): Promise<StoredDecision[]> {
  return db.query<StoredDecision & Row>(LIST_DECISIONS, [requestId]);
}

/** Open requests of a workspace, oldest first, and how many there are (counted to 10,000). */
export async function listOpenApprovals(
  db: Queries,
  workspaceId: string,
  limit: number,
  offset: number,
): Promise<{ readonly requests: StoredApproval[]; readonly total: number }> {
  const requests = await db.query<StoredApproval & Row>(LIST_OPEN, [workspaceId, limit, offset]);
  const [counted] = await db.query<{ total: number }>(COUNT_OPEN, [workspaceId]);
  return { requests, total: counted?.total ?? 0 };
}

/** Decides requests whose time is over as `decision`; gives how many, `limit` at most. */
export async function expireApprovals(
  database: Database,
  decision: number,
  reason: string,
  limit: number,
): Promise<number> {
  return (await database.alone.query(EXPIRE, [limit, decision, reason])).length;
}

/** Takes decisions whose event no replica is publishing, for `leaseMs`. */
export function claimDecisions(
  database: Database,
  leaseMs: number,
  limit: number,
): Promise<UnpublishedDecision[]> {
  return database.alone.query<UnpublishedDecision & Row>(CLAIM, [limit, leaseMs]);
}

/** Marks the events of these decisions as published. */
export async function markPublished(
  database: Database,
  decisions: readonly NewDecision[],
): Promise<void> {
  const ids = decisions.map(({ id }) => id);
  await database.alone.query(MARK, [decisions.map(({ requestId }) => requestId), ids]);
}

/** Drops at most `limit` requests that were decided more than `days` ago, with their decisions; gives how many went. */
export async function dropOldApprovals(tx: Tx, days: number, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DROP_OLD, [days, limit]);
  return row?.dropped ?? 0;
}

interface Row {
  readonly [column: string]: unknown;
}

async function record(
  database: Database,
  statement: Statement,
  { requestId, id, decision, decidedBy, reason, via }: NewDecision,
): Promise<StoredDecision | undefined> {
  const values = [requestId, id, decision, decidedBy, reason, via];
  const [row] = await database.alone.query<StoredDecision & Row>(statement, values);
  return row;
}
