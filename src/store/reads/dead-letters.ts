/**
 * Reads of messages that were put aside.
 * Boundary: rows. A message whose workspace is not known is asked for by name (`unattributed`): who may is the caller's
 * matter.
 * Invariant: each read is one statement by an index, and reads no more than its page, or the bound of a count.
 */
import type { Queries, Statement } from "../database.ts";
import { COUNT_LIMIT } from "./page.ts";
import { onlySeen, sees, type Visibility } from "./visibility.ts";

/** Which messages are shown. */
export interface LetterFilters {
  /** Undefined: those whose workspace is not known. */
  readonly workspaceId: string | undefined;
  readonly settled: boolean;
}

/** A message without its bytes. */
export interface ListedLetter {
  /** Rises with the time at which it was put aside first. */
  readonly place: number;
  readonly stream: string;
  readonly streamSeq: number;
  readonly subject: string;
  readonly workspaceId: string | null;
  readonly reason: string;
  readonly problem: string;
  readonly bytes: number;
  readonly createdAt: Date;
  readonly endedAs: "retried" | "discarded" | null;
  readonly endedBy: string | null;
  readonly endedVia: string | null;
  readonly endReason: string | null;
  readonly endedAt: Date | null;
}

/** Whose a message is, and whether it is settled. */
export type LetterHead = Pick<ListedLetter, "stream" | "streamSeq" | "workspaceId" | "endedAt">;

/** A message as it came. */
export interface KeptLetter extends LetterHead {
  readonly subject: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly data: Buffer;
}

/** The place of a message on the bus. */
export interface LetterKey {
  readonly stream: string;
  readonly streamSeq: number;
}

const COLUMNS = `id as "place", stream, stream_seq as "streamSeq", subject, workspace_id as "workspaceId", reason, problem,
  length(data) as bytes, created_at as "createdAt", ended_as as "endedAs", ended_by as "endedBy",
  ended_via as "endedVia",
  end_reason as "endReason", ended_at as "endedAt"`;
const OF_WORKSPACE = "workspace_id = $1";
// The parameter is typed and used, so that both forms take the same values.
const UNATTRIBUTED = "workspace_id is null and $1::text is null";
const OPEN = "ended_at is null";
const ENDED = "ended_at is not null";
// As the indexes of lists are sorted: the primary key would serve the plain order, past rows of all other workspaces.
const AS_INDEXED = "workspace_id, id desc nulls last";
const PLACE_BEFORE_ALL = Number.MAX_SAFE_INTEGER;

function list(name: string, whose: string, state: string): Statement {
  return {
    name: `list_letters_${name}`,
    text: `select ${COLUMNS} from dead_letters where ${whose} and ${state} and id < $2
      order by ${AS_INDEXED} limit $3`,
  };
}

function count(name: string, whose: string, state: string): Statement {
  return {
    name: `count_letters_${name}`,
    text: `select count(*)::int as total from (
      select 1 from dead_letters where ${whose} and ${state} limit ${COUNT_LIMIT}) as counted`,
  };
}

const KINDS = {
  open: { list: list("open", OF_WORKSPACE, OPEN), count: count("open", OF_WORKSPACE, OPEN) },
  ended: { list: list("ended", OF_WORKSPACE, ENDED), count: count("ended", OF_WORKSPACE, ENDED) },
  openOfNone: {
    list: list("open_of_none", UNATTRIBUTED, OPEN),
    count: count("open_of_none", UNATTRIBUTED, OPEN),
  },
  endedOfNone: {
    list: list("ended_of_none", UNATTRIBUTED, ENDED),
    count: count("ended_of_none", UNATTRIBUTED, ENDED),
  },
};
const COUNT_OPEN = count("of_all", "$1::text is null", OPEN);
const HEAD = `d.stream, d.stream_seq as "streamSeq", d.workspace_id as "workspaceId", d.ended_at as "endedAt"`;
const HEADS: Statement = {
  name: "find_letter_heads",
  text: `select ${HEAD} from unnest($1::text[], $2::bigint[]) as k(stream, seq)
    join dead_letters d on d.stream = k.stream and d.stream_seq = k.seq`,
};
const FIND: Statement = {
  name: "find_letter",
  text: `select ${HEAD}, d.subject, d.headers, d.data from dead_letters d
    where d.stream = $1 and d.stream_seq = $2`,
};

/** Up to `limit` messages before a place, newest first. */
export async function listDeadLetters(
  db: Queries,
  visibility: Visibility,
  filters: LetterFilters,
  limit: number,
  before = PLACE_BEFORE_ALL,
): Promise<ListedLetter[]> {
  if (!isSeen(visibility, filters)) return [];
  const { list: statement } = kindOf(filters);
  return db.query<ListedLetter>(statement, [filters.workspaceId ?? null, before, limit]);
}

/** How many there are; exact to 10,000. */
export async function countDeadLetters(
  db: Queries,
  visibility: Visibility,
  filters: LetterFilters,
): Promise<number> {
  if (!isSeen(visibility, filters)) return 0;
  const { count: statement } = kindOf(filters);
  const [row] = await db.query<{ total: number }>(statement, [filters.workspaceId ?? null]);
  return row?.total ?? 0;
}

/** How many are open of all workspaces that are seen, and of none where every one is; exact to 10,000. */
export async function countOpenLetters(
  db: Queries,
  visibility: Visibility,
  workspaceId: string,
): Promise<number> {
  const only = workspaceId || onlySeen(visibility);
  if (only !== undefined) {
    return countDeadLetters(db, visibility, { workspaceId: only, settled: false });
  }
  const [row] = await db.query<{ total: number }>(COUNT_OPEN, [null]);
  return row?.total ?? 0;
}

/** Those of the messages that are seen; `withUnattributed`: also those whose workspace is not known. */
export async function findLetterHeads(
  db: Queries,
  visibility: Visibility,
  keys: readonly LetterKey[],
  withUnattributed: boolean,
): Promise<LetterHead[]> {
  const rows = await db.query<LetterHead>(HEADS, [
    keys.map(({ stream }) => stream),
    keys.map(({ streamSeq }) => streamSeq),
  ]);
  return rows.filter((row) => isSeenHead(visibility, row, withUnattributed));
}

/** One message as it came; undefined where the caller sees none. A body is as large as the bus takes: one at a time. */
export async function findDeadLetter(
  db: Queries,
  visibility: Visibility,
  { stream, streamSeq }: LetterKey,
  withUnattributed: boolean,
): Promise<KeptLetter | undefined> {
  const rows = await db.query<KeptLetter>(FIND, [stream, streamSeq]);
  return rows.find((row) => isSeenHead(visibility, row, withUnattributed));
}

function isSeenHead(
  visibility: Visibility,
  { workspaceId }: LetterHead,
  withUnattributed: boolean,
): boolean {
  return workspaceId === null ? withUnattributed : sees(visibility, workspaceId);
}

function isSeen(visibility: Visibility, { workspaceId }: LetterFilters): boolean {
  return workspaceId === undefined || sees(visibility, workspaceId);
}

function kindOf({ workspaceId, settled }: LetterFilters) {
  if (workspaceId === undefined) return settled ? KINDS.endedOfNone : KINDS.openOfNone;
  return settled ? KINDS.ended : KINDS.open;
}
