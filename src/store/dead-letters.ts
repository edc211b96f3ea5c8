/**
 * Messages put aside: the table `dead_letters`.
 *
 * Boundary: rows only. A message is one row however often it is put aside; the last reason stands, and it is open again,
 * since a stream that was made anew counts its messages from one again.
 */
import type { Statement, Tx } from "./database.ts";

/** A message to put aside, as it came. */
export interface DeadLetter {
  readonly stream: string;
  readonly subject: string;
  readonly streamSeq: number;
  readonly reason: string;
  /** A sentence for the operator. */
  readonly problem: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly data: Uint8Array;
  /** Undefined: it names none. */
  readonly workspaceId: string | undefined;
}

/** How messages are settled. */
export interface LetterEnd {
  readonly as: "retried" | "discarded";
  /** "" where the call does not say. */
  readonly by: string;
  /** The program through which they came; "" where the call does not say. */
  readonly via: string;
  readonly reason: string;
}

const INSERT: Statement = {
  name: "insert_dead_letters",
  text: `insert into dead_letters
      (stream, subject, stream_seq, reason, problem, headers, data, workspace_id)
    select * from unnest(
      $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::json[], $7::bytea[], $8::text[])
    on conflict (stream, stream_seq) do update
      set subject = excluded.subject, reason = excluded.reason, problem = excluded.problem,
        headers = excluded.headers, data = excluded.data, created_at = excluded.created_at,
        workspace_id = excluded.workspace_id,
        ended_at = null, ended_as = null, ended_by = null, end_reason = null, ended_via = null`,
};

const END: Statement = {
  name: "end_dead_letters",
  text: `with ended as (
      update dead_letters d set ended_at = now(), ended_as = $3, ended_by = $4, end_reason = $5, ended_via = $6
      from unnest($1::text[], $2::bigint[]) as k(stream, seq)
      where d.stream = k.stream and d.stream_seq = k.seq and d.ended_at is null
      returning 1
    ) select count(*)::int as ended from ended`,
};

const DROP_OLD: Statement = {
  name: "drop_old_dead_letters",
  text: `with gone as (
      delete from dead_letters where ctid = any(array(
        select ctid from dead_letters where created_at < now() - make_interval(days => $1)
        order by created_at limit $2::integer for update skip locked))
      returning 1
    ) select count(*)::int as dropped from gone`,
};

/** Puts messages aside; no two may have the same stream and sequence. */
export async function insertDeadLetters(tx: Tx, letters: readonly DeadLetter[]): Promise<void> {
  await tx.query(INSERT, [
    letters.map((letter) => letter.stream),
    letters.map((letter) => withoutNul(letter.subject)),
    letters.map((letter) => letter.streamSeq),
    letters.map((letter) => letter.reason),
    letters.map((letter) => withoutNul(letter.problem)),
    letters.map((letter) => withoutNul(JSON.stringify(letter.headers))),
    letters.map((letter) => Buffer.from(letter.data)),
    letters.map((letter) => letter.workspaceId ?? null),
  ]);
}

/** Settles those of the messages that are open; gives how many were. */
export async function endDeadLetters(
  tx: Tx,
  keys: readonly Pick<DeadLetter, "stream" | "streamSeq">[],
  { as, by, via, reason }: LetterEnd,
): Promise<number> {
  const streams = keys.map(({ stream }) => stream);
  const seqs = keys.map(({ streamSeq }) => streamSeq);
  const [row] = await tx.query<{ ended: number }>(END, [streams, seqs, as, by, reason, via]);
  return row?.ended ?? 0;
}

/** Drops at most `limit` messages that were put aside more than `days` ago; gives how many went. */
export async function dropOldDeadLetters(tx: Tx, days: number, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DROP_OLD, [days, limit]);
  return row?.dropped ?? 0;
}

// Postgres takes no NUL in a text.
function withoutNul(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}
