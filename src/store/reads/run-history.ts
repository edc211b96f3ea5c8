/**
 * The history of one run, for callers.
 * Boundary: committed rows, by key. A page ends where its rows would take more bytes than it may; the first row always comes.
 */
import type { Queries } from "../database.ts";
import { type HistoryRow, type PackedRow, unpackRow } from "../packed-moves.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** A row of the history. */
export interface RecordedRow extends HistoryRow {
  readonly seq: number;
  readonly recordedAt: Date;
}

/** Which rows: those after `seq`, or before it with `isDescending`; `limit` of them at most, in that order. */
export interface HistoryPage {
  readonly seq: number;
  readonly isDescending: boolean;
  readonly limit: number;
}

type StoredRow = Omit<RecordedRow, keyof HistoryRow> & PackedRow;

const PAGE_BYTES = 2 * 1024 * 1024;
/** Rows of a run that are looked through for one step, and those that are read of them. */
export const LOOKED_THROUGH = 10_000;
export const OF_A_STEP = 1_000;

const OF_RUN = "exists (select 1 from workflow_runs r where r.id = $1 and r.workspace_id = ";

const AFTER = page("find_history_after", ">", "asc");
const BEFORE = page("find_history_before", "<", "desc");
const OF_STEP = seenWithin(
  "find_history_of_step",
  (condition) => `select m.seq, m.recorded_at as "recordedAt", m.cause, m.moves
    from (
      select seq, recorded_at, cause, moves from run_moves
      where run_id = $1 order by seq desc limit ${LOOKED_THROUGH}) as m
    where exists (
        select 1 from json_array_elements(m.moves) as move where (move->0)::text = $2::text)
      and ${condition}
    order by m.seq desc limit ${OF_A_STEP}`,
  `${OF_RUN}$3)`,
);

function page(name: string, compared: string, order: string) {
  return seenWithin(
    name,
    (condition) => `select m.seq, m.recorded_at as "recordedAt", m.cause, m.moves
      from (
        select f.*, sum(octet_length(f.moves::text)) over (order by f.seq ${order}) as up_to,
          row_number() over (order by f.seq ${order}) as place
        from (
          select seq, recorded_at, cause, moves from run_moves
          where run_id = $1 and seq ${compared} $2 order by seq ${order} limit $3::integer) as f
      ) as m
      where (m.up_to <= ${PAGE_BYTES} or m.place = 1) and ${condition}
      order by m.seq ${order}`,
    `${OF_RUN}$4)`,
  );
}

/** A page of rows of the run's history. */
export async function findHistory(
  db: Queries,
  visibility: Visibility,
  runId: string,
  { seq, isDescending, limit }: HistoryPage,
): Promise<RecordedRow[]> {
  const statement = isDescending ? BEFORE : AFTER;
  const rows = await querySeen<StoredRow>(db, visibility, statement, [runId, seq, limit]);
  return rows.map((row) => recordedOf(runId, row));
}

/** Of the newest 10,000 rows of the run's history those in which the step moved, the newest 1,000; newest first. */
export async function findHistoryOfStep(
  db: Queries,
  visibility: Visibility,
  runId: string,
  stepIndex: number,
): Promise<RecordedRow[]> {
  const values = [runId, String(stepIndex)];
  const rows = await querySeen<StoredRow>(db, visibility, OF_STEP, values);
  return rows.map((row) => recordedOf(runId, row));
}

function recordedOf(runId: string, row: StoredRow): RecordedRow {
  return { seq: row.seq, recordedAt: row.recordedAt, ...unpackRow(runId, row) };
}
