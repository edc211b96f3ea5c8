/**
 * Marks of how far our stream was at a time, and batches that are published again because the stream lost them.
 * Boundary: rows; the stream itself is asked by egress/publish/own-stream.ts.
 * Invariants:
 * S1 A mark says: at this time by the database's clock the stream's last sequence was at most `seq`. So what the stream
 *    stored after `seq` belongs to batches that were marked as published after that time.
 * S2 What was acknowledged since the latest mark is noted beside it (outbox.ts), so a stream that is behind that has lost events,
 *    whichever replica had published them.
 * S3 A batch that is published again keeps its id and its events' ids.
 */
import type { Database, Statement } from "./database.ts";

/** How far a stream was. */
export interface StreamMark {
  /** When the stream was made, as JetStream writes it: another one of that name is another stream. */
  readonly created: string;
  readonly seq: number;
  readonly at: Date;
}

/** The latest mark of a stream. */
export interface NewestMark extends StreamMark {
  /** The highest sequence that is known: the mark's, or one that was acknowledged since. */
  readonly highest: number;
}

/** Which batches are published again: those marked as published after `after` and not after `until`. */
export interface LostSpan {
  readonly partitions: readonly number[];
  readonly after: Date;
  readonly until: Date;
}

type MarkRow = { [Key in keyof StreamMark]: StreamMark[Key] };
type NewestRow = { [Key in keyof NewestMark]: NewestMark[Key] };

const BATCHES_A_PAGE = 10_000;
const MARKS_KEPT = "8 days";

const NEWEST: Statement = {
  name: "newest_stream_mark",
  text: `select created, seq, marked_at as "at", greatest(seq, (
      select max(a.seq) from stream_acks a where a.stream = m.stream and a.noted_at >= m.marked_at)) as highest
    from stream_marks m where stream = $1 order by marked_at desc limit 1`,
};
const LAST_BEFORE: Statement = {
  name: "last_stream_mark_before",
  text: `select created, seq, marked_at as "at" from stream_marks
    where stream = $1 and created = $2 and seq <= $3 and marked_at <= $4
    order by marked_at desc limit 1`,
};
const ADD: Statement = {
  name: "add_stream_mark",
  text: `with old as (
      delete from stream_marks where stream = $1 and marked_at < now() - interval '${MARKS_KEPT}')
    insert into stream_marks (stream, created, seq, marked_at) values ($1, $2, $3, $4)
    on conflict do nothing`,
};
const PUBLISH_AGAIN: Statement = {
  name: "publish_batches_again",
  text: `with page as (
      select id, published_at, partition from move_batches
      where id > $1 order by id limit ${BATCHES_A_PAGE}),
    again as (
      update move_batches b set published_at = null, counted = true from page
      where b.id = page.id and page.published_at > $2 and page.published_at <= $3
        and page.partition = any($4::smallint[]) returning 1)
    select max(id) as "last", (select count(*) from again) as "count" from page`,
};

/** The latest mark of a stream; undefined before the first. */
export async function findNewestMark(
  database: Database,
  stream: string,
): Promise<NewestMark | undefined> {
  const [mark] = await database.read.query<NewestRow>(NEWEST, [stream]);
  return mark;
}

/** The latest mark, not later than `at`, of what the stream still has; undefined where there is none. */
export async function findMarkOfKept(
  database: Database,
  stream: string,
  { created, seq, at }: StreamMark,
): Promise<StreamMark | undefined> {
  const [mark] = await database.read.query<MarkRow>(LAST_BEFORE, [stream, created, seq, at]);
  return mark;
}

/** Adds a mark and drops those that are too old to be of use. */
export async function addStreamMark(
  database: Database,
  stream: string,
  { created, seq, at }: StreamMark,
): Promise<void> {
  await database.transaction((tx) => tx.query(ADD, [stream, created, seq, at]));
}

/** Has the span's batches published again, a page a transaction; gives how many they are. */
export async function publishAgain(database: Database, span: LostSpan): Promise<number> {
  let after: number | undefined = 0;
  let total = 0;
  while (after !== undefined) {
    const values: unknown[] = [after, span.after, span.until, span.partitions];
    const [page] = await database.transaction((tx) =>
      tx.query<{ last: number | null; count: number }>(PUBLISH_AGAIN, values),
    );
    total += page?.count ?? 0;
    after = page?.last ?? undefined;
  }
  return total;
}
