/**
 * Messages put aside: the table `dead_letters`.
 *
 * Boundary: rows only. A message is one row however often it is put aside; the last reason stands,
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
}

const INSERT: Statement = {
  name: "insert_dead_letters",
  text: `insert into dead_letters (stream, subject, stream_seq, reason, problem, headers, data)
    select * from unnest(
      $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::json[], $7::bytea[])
    on conflict (stream, stream_seq) do update
      set subject = excluded.subject, reason = excluded.reason, problem = excluded.problem,
        headers = excluded.headers, data = excluded.data, created_at = excluded.created_at`,
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
  ]);
}

// Postgres takes no NUL in a text.
function withoutNul(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}
