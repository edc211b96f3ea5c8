/**
 * Runs that are watched: where they are, and the rows of their history after a place.
 * Boundary: committed state, by key; one statement for all runs.
 */
import type { RunState } from "../../engine/values/run.ts";
import type { Queries, Statement } from "../database.ts";
import { type PackedRow, unpackRow } from "../packed-moves.ts";
import type { RecordedRow } from "../reads/run-history.ts";

/** Where a run is. */
export interface RunPlace {
  readonly runId: string;
  readonly seq: number;
  readonly state: RunState;
}

/** Rows of the histories, each with its run. */
export interface RowOfRun extends RecordedRow {
  readonly runId: string;
}

const ROWS_A_RUN = 200;
const ROWS_AT_MOST = 2_000;
const BYTES_AT_MOST = 4 * 1024 * 1024;

const MOVED: Statement = {
  name: "find_moved_runs",
  text: `select r.id as "runId", r.seq, r.state from unnest($1::text[], $2::integer[], $3::text[]) as v(run_id, seq, state)
    join workflow_runs as r on r.id = v.run_id where r.seq > v.seq or r.state <> v.state`,
};
const ROWS: Statement = {
  name: "find_moves_after",
  text: `select m.run_id as "runId", m.seq, m.recorded_at as "recordedAt", m.cause, m.moves
    from (
      select f.*, sum(octet_length(f.moves::text)) over places as up_to, row_number() over places as place
      from (
        select v.number, h.* from unnest($1::text[], $2::integer[]) with ordinality as v(run_id, seq, number)
        cross join lateral (
          select run_id, seq, recorded_at, cause, moves from run_moves
          where run_id = v.run_id and seq > v.seq order by seq limit ${ROWS_A_RUN}) as h
        limit ${ROWS_AT_MOST}) as f
      window places as (order by f.number, f.seq)) as m
    where m.up_to <= ${BYTES_AT_MOST} or m.place = 1
    order by m.number, m.seq`,
};

/** Where those of these runs are that are elsewhere by now; those that do not exist any more are absent. */
export function findMovedRuns(db: Queries, known: readonly RunPlace[]): Promise<RunPlace[]> {
  const columns = [
    known.map(({ runId }) => runId),
    known.map(({ seq }) => seq),
    known.map(({ state }) => state),
  ];
  return db.query<RunPlace & { runId: string }>(MOVED, columns);
}

/**
 * The next rows after these places, 200 of each run, 2,000 and 4 MiB of all at most, but at least one; those of a run in
 * their order.
 */
export async function findMovesAfter(
  db: Queries,
  places: readonly { readonly runId: string; readonly seq: number }[],
): Promise<RowOfRun[]> {
  const columns = [places.map(({ runId }) => runId), places.map(({ seq }) => seq)];
  type Row = { runId: string; seq: number; recordedAt: Date } & PackedRow;
  const rows = await db.query<Row>(ROWS, columns);
  return rows.map((row) => {
    const { runId, seq, recordedAt } = row;
    return { runId, seq, recordedAt, ...unpackRow(runId, row) };
  });
}
