/**
 * How far the events of each source were handled, by all replicas: the table `source_positions`.
 *
 * Boundary: rows; JetStream is asked by ingress/bus. A row a configured source, so nothing deletes them.
 * Invariants:
 * 1. The floor of a stream only rises, but for `forgetFloor`.
 * 2. `served_at` is the earliest start that served the source, and never moves on.
 */
import type { Database, Statement } from "./database.ts";

/** What a position belongs to. */
export interface PositionKey {
  readonly stream: string;
  readonly durable: string;
}

/** A floor of a stream: up to this sequence all is handled. */
export interface StreamFloor {
  /** When the stream was made, as JetStream writes it: another one of that name is another stream. "" before the first. */
  readonly created: string;
  readonly ackFloor: number;
}

/** Where a source stands. */
export interface SourcePosition extends StreamFloor {
  /** When this installation first served the source. */
  readonly servedAt: Date;
  /** When the floor was last seen to rise, `servedAt` before; all times are the database's. */
  readonly seenAt: Date;
}

const COLUMNS = `created, ack_floor as "ackFloor", served_at as "servedAt", seen_at as "seenAt"`;
// An update gives the row also when another replica adds it at this moment.
const FIND: Statement = {
  name: "find_source_position",
  text: `insert into source_positions as p (ack_floor, served_at, seen_at, stream, durable, created)
    values (0, $3, $3, $1, $2, '')
    on conflict (stream, durable) do update set served_at = least(p.served_at, excluded.served_at)
    returning ${COLUMNS}`,
};
const KEEP: Statement = {
  name: "keep_source_floor",
  text: `insert into source_positions as p (ack_floor, served_at, seen_at, stream, durable, created)
    values ($4, $3::timestamptz, case when $4::bigint > 0 then now() else $3::timestamptz end, $1, $2, $5)
    on conflict (stream, durable) do update
    set ack_floor = excluded.ack_floor, created = excluded.created,
      seen_at = case when excluded.ack_floor > 0 then now() else p.served_at end
    where p.created <> excluded.created or p.ack_floor < excluded.ack_floor`,
};
const FORGET: Statement = {
  name: "forget_source_floor",
  text: `update source_positions set ack_floor = 0
    where stream = $1 and durable = $2 and created = $3 and ack_floor > $4`,
};

/** Where the source stands; one that was never served is from now on served since `startedAt`. */
export async function findSourcePosition(
  database: Database,
  { stream, durable }: PositionKey,
  startedAt: Date,
): Promise<SourcePosition> {
  const values = [stream, durable, startedAt];
  const [row] = await database.transaction((tx) =>
    tx.query<{ [Key in keyof SourcePosition]: SourcePosition[Key] }>(FIND, values),
  );
  if (row === undefined) throw new Error("an upsert gave no row");
  return row;
}

/** Keeps a floor that has risen, or is the first of another stream. */
export async function keepFloor(
  database: Database,
  { stream, durable }: PositionKey,
  startedAt: Date,
  { ackFloor, created }: StreamFloor,
): Promise<void> {
  const values = [stream, durable, startedAt, ackFloor, created];
  await database.transaction((tx) => tx.query(KEEP, values));
}

/** Forgets a floor beyond the end of its stream. */
export async function forgetFloor(
  database: Database,
  { stream, durable }: PositionKey,
  created: string,
  lastSeq: number,
): Promise<void> {
  await database.transaction((tx) => tx.query(FORGET, [stream, durable, created, lastSeq]));
}
