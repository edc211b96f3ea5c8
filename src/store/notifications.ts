/**
 * Messages that the service sends itself (NOTIFICATIONS_URL=builtin).
 * Boundary: rows; what is sent, and how, is builtin/notifications/. No statement here touches a run.
 * Invariants:
 * N1 A request is kept once for its id, with all its recipients or none.
 * N2 A message is tried by one replica at a time: by a lease, which is longer than a try.
 * N3 The database's clock alone says when a message is tried and given up.
 */
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
  /** Since the request was kept, in ms by the database's clock. */
  readonly ageMs: number;
}

/** What became of a try. */
export type TryResult =
  | { readonly kind: "sent" }
  | { readonly kind: "failed"; readonly error: string; readonly again?: { readonly inMs: number } };

const STATES = { queued: 1, sent: 2, givenUp: 3 } as const;

const INSERT: Statement = {
  name: "insert_notification",
  text: `insert into notifications (created_at, next_at, attempts, state, place, priority, category,
      id, workspace_id, body_hash, recipient, subject, body, link, metadata_json, last_error)
    select now(), now(), 0, ${STATES.queued}, r.place, $1, $2, $3, $4, $5, r.name, $6, $7, $8, $9, ''
    from unnest($10::text[]) with ordinality as r(name, place)
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
      where n.done_at is null and n.next_at <= now()
      order by n.next_at limit $1 for update skip locked
    )
    update notifications n set next_at = now() + $2::float8 * interval '1 millisecond',
      attempts = least(n.attempts + 1, 32000)
    from mine where n.id = mine.id and n.place = mine.place
    returning n.id, n.place, n.workspace_id as "workspaceId", n.recipient, n.subject, n.body, n.link,
      n.metadata_json as "metadataJson", n.priority, n.category, n.created_at as "createdAt",
      n.attempts, extract(epoch from now() - n.created_at)::float8 * 1000 as "ageMs"`,
};
const SENT: Statement = {
  name: "mark_notification_sent",
  text: `update notifications set done_at = now(), state = ${STATES.sent}, last_error = ''
    where id = $1 and place = $2 and done_at is null`,
};
const AGAIN: Statement = {
  name: "delay_notification",
  text: `update notifications set next_at = now() + $3::float8 * interval '1 millisecond', last_error = $4
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
      select n.id, n.place from notifications n
      where n.done_at is not null and n.done_at < now() - make_interval(days => $1)
      order by n.done_at limit $2::integer for update skip locked
    ), dropped as (
      delete from notifications n using gone where n.id = gone.id and n.place = gone.place returning 1
    )
    select count(*)::int as dropped from dropped`,
};

/** Keeps a request unless its id has one already; gives the hash and time of the one that is kept. */
export async function keepNotification(
  database: Database,
  made: NewNotification,
): Promise<{ readonly bodyHash: Buffer; readonly createdAt: Date }> {
  await insertNotification(database.alone, made);
  const [row] = await database.write.query<{ bodyHash: Buffer; createdAt: Date }>(FIND_HASH, [
    made.id,
  ]);
  if (row === undefined) throw new Error("a notification that was kept is gone");
  return row;
}

/** As keepNotification, within a transaction and without its answer. */
export async function insertNotification(
  db: Pick<Queries, "query">,
  made: NewNotification,
): Promise<void> {
  await db.query(INSERT, [
    ...[made.priority, made.category, made.id, made.workspaceId, Buffer.from(made.bodyHash)],
    ...[made.subject, made.body, made.link, made.metadataJson, made.recipients],
  ]);
}

/** Takes messages that are due, for `leaseMs`. */
export function claimNotifications(
  database: Database,
  leaseMs: number,
  limit: number,
): Promise<DueNotification[]> {
  return database.alone.query<DueNotification & Row>(CLAIM, [limit, leaseMs]);
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
  } else await database.alone.query(AGAIN, [id, place, result.again.inMs, result.error]);
}

/** Drops at most `limit` messages that were done with more than `days` ago; gives how many went. */
export async function dropOldNotifications(tx: Tx, days: number, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DROP_OLD, [days, limit]);
  return row?.dropped ?? 0;
}

interface Row {
  readonly [column: string]: unknown;
}
