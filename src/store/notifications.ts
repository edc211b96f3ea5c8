/**
 * Messages that the service sends itself (NOTIFICATIONS_URL=builtin).
 * Boundary: rows; what is sent, and how, is builtin/notifications/. No statement here touches a run.
 * Invariants:
 * N1 A request is kept once for its id, with all its recipients or none.
 * N2 A message is tried by one replica at a time: by a lease, which is longer than a try.
 * N3 The database's clock alone says when a message is tried and given up.
 * N4 A try counts as unsure from its beginning until it is known that the receiver has not got the message. After
 *    UNSURE_AT_MOST of them the message is given up: a process that dies in each try sends it so many times and no more.
 * N5 A workspace has QUEUED_AT_MOST messages to send at most, those about requests for approval apart.
 */
import { DUE_NOW } from "./columns.ts";
import type { Database, Queries, Statement, Tx } from "./database.ts";

/** A request to keep: a row for each recipient. */
export interface NewNotification {
  readonly id: string;
  readonly workspaceId: string;
  readonly bodyHash: Uint8Array;
  /** From place 1 on. */
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly body: string;
  readonly link: string;
  readonly metadataJson: string;
  readonly priority: number;
  readonly category: number;
}

/** A message that is to be sent now. */
export interface DueNotification {
  readonly id: string;
  readonly place: number;
  readonly workspaceId: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly link: string;
  readonly metadataJson: string;
  readonly priority: number;
  readonly category: number;
  readonly createdAt: Date;
  /** Tries so far, this one included. */
  readonly attempts: number;
  /** It was given up now: what became of too many tries is not known. */
  readonly isGivenUp: boolean;
  /** Since the request was kept, in ms by the database's clock. */
  readonly ageMs: number;
}

/** What became of a try. */
export type TryResult =
  | { readonly kind: "sent" }
  | {
      readonly kind: "failed";
      readonly error: string;
      /** The receiver may have the message. */
      readonly isUnsure: boolean;
      readonly again?: { readonly inMs: number };
    };

/** Tries that may have reached the receiver. */
const UNSURE_AT_MOST = 5;
/** Messages of one workspace that wait to be sent. */
export const QUEUED_AT_MOST = 10_000;

const STATES = { queued: 1, sent: 2, givenUp: 3 } as const;

const INSERT: Statement = {
  name: "insert_notification",
  text: `insert into notifications (created_at, next_at, attempts, unsure, state, place, priority, category,
      id, workspace_id, body_hash, recipient, subject, body, link, metadata_json, last_error)
    select now(), ${DUE_NOW}, 0, 0, ${STATES.queued}, r.place, $1, $2, $3, $4, $5, r.name, $6, $7, $8, $9, ''
    from unnest($10::text[]) with ordinality as r(name, place)
    where $11::integer is null or (
      select count(*) from (select 1 from notifications q
        where q.workspace_id = $4 and q.done_at is null limit $11::integer) as queued) < $11::integer
    on conflict (id, place) do nothing`,
};
const FIND_HASH: Statement = {
  name: "find_notification_hash",
  text: `select body_hash as "bodyHash", created_at as "createdAt" from notifications
    where id = $1 and place = 1`,
};
const CLAIM: Statement = {
  name: "claim_notifications",
  text: `with mine as (
      select n.id, n.place from notifications n
      where n.done_at is null and n.next_at <= now() and n.workspace_id <> all($3::text[])
      order by n.next_at limit $1 for update skip locked
    )
    update notifications n set
      next_at = now() + $2::float8 * 2 ^ least(n.unsure, ${UNSURE_AT_MOST}) * interval '1 millisecond',
      attempts = least(n.attempts + (n.unsure < ${UNSURE_AT_MOST})::int, 32000),
      unsure = n.unsure + (n.unsure < ${UNSURE_AT_MOST})::int,
      done_at = case when n.unsure >= ${UNSURE_AT_MOST} then now() end,
      state = case when n.unsure >= ${UNSURE_AT_MOST} then ${STATES.givenUp} else n.state end
    from mine where n.id = mine.id and n.place = mine.place
    returning n.id, n.place, n.workspace_id as "workspaceId", n.recipient, n.subject, n.body, n.link,
      n.metadata_json as "metadataJson", n.priority, n.category, n.created_at as "createdAt",
      n.attempts, n.done_at is not null as "isGivenUp", extract(epoch from now() - n.created_at)::float8 * 1000 as "ageMs"`,
};
const SENT: Statement = {
  name: "mark_notification_sent",
  text: `update notifications set done_at = now(), state = ${STATES.sent}, last_error = ''
    where id = $1 and place = $2 and done_at is null`,
};
const AGAIN: Statement = {
  name: "delay_notification",
  text: `update notifications set last_error = $4, unsure = unsure - (not $5::boolean)::int,
      next_at = greatest(case when $5::boolean then next_at end, now() + $3::float8 * interval '1 millisecond')
    where id = $1 and place = $2 and done_at is null`,
};
const GIVE_UP: Statement = {
  name: "give_up_notification",
  text: `update notifications set done_at = now(), state = ${STATES.givenUp}, last_error = $3
    where id = $1 and place = $2 and done_at is null`,
};
const DROP_OLD: Statement = {
  name: "drop_old_notifications",
  text: `with gone as materialized (
      select n.ctid as at from notifications n
      where n.done_at is not null and n.done_at < now() - make_interval(days => $1)
      order by n.done_at limit $2::integer for update skip locked
    ), dropped as (
      delete from notifications where ctid = any(array(select at from gone)) returning 1
    )
    select count(*)::int as dropped from dropped`,
};

/**
 * Keeps a request unless its id has one already; gives the hash and time of the one that is kept, undefined: the workspace
 * has `atMost` messages to send already.
 */
export async function keepNotification(
  database: Database,
  made: NewNotification,
  atMost = QUEUED_AT_MOST,
): Promise<{ readonly bodyHash: Buffer; readonly createdAt: Date } | undefined> {
  await insertNotification(database.alone, made, atMost);
  const [row] = await database.write.query<{ bodyHash: Buffer; createdAt: Date }>(FIND_HASH, [
    made.id,
  ]);
  return row;
}

/** As keepNotification, within a transaction and without its answer; unbounded unless `atMost` is given. */
export async function insertNotification(
  db: Pick<Queries, "query">,
  made: NewNotification,
  atMost?: number,
): Promise<void> {
  await db.query(INSERT, [
    ...[made.priority, made.category, made.id, made.workspaceId, Buffer.from(made.bodyHash)],
    ...[made.subject, made.body, made.link, made.metadataJson, made.recipients],
    atMost ?? null,
  ]);
}

/**
 * Takes messages that are due, except those of the workspaces to leave out, for `leaseMs`; for longer after each try that is
 * unsure.
 */
export function claimNotifications(
  database: Database,
  leaseMs: number,
  limit: number,
  without: readonly string[] = [],
): Promise<DueNotification[]> {
  return database.alone.query<DueNotification & Row>(CLAIM, [limit, leaseMs, without]);
}

/** Records what became of a try. */
export async function recordTry(
  database: Database,
  { id, place }: Pick<DueNotification, "id" | "place">,
  result: TryResult,
): Promise<void> {
  if (result.kind === "sent") await database.alone.query(SENT, [id, place]);
  else if (result.again === undefined) {
    await database.alone.query(GIVE_UP, [id, place, result.error]);
  } else
    await database.alone.query(AGAIN, [
      id,
      place,
      result.again.inMs,
      result.error,
      result.isUnsure,
    ]);
}

/** Drops at most `limit` messages that were done with more than `days` ago; gives how many went. */
export async function dropOldNotifications(tx: Tx, days: number, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DROP_OLD, [days, limit]);
  return row?.dropped ?? 0;
}

interface Row {
  readonly [column: string]: unknown;
}
