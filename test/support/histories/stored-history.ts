/**
 * Histories as they are stored, with the states that were stored beside them.
 * Boundary: reads Postgres; src/engine/replay.ts reads what a history says.
 */
import type { RecordedRow } from "../../../src/engine/replay.ts";
import { type RunState, type StepState, stateOfMark } from "../../../src/engine/values/run.ts";
import type { Database } from "../../../src/store/database.ts";
import { type PackedRow, unpackRow } from "../../../src/store/packed-moves.ts";
import { findRunRows } from "./stored-run.ts";

/** A run's history in its packed form, and what it must come to. */
export interface StoredHistory {
  readonly runId: string;
  readonly rows: readonly (PackedRow & { readonly seq: number })[];
  readonly state: RunState;
  /** By index in the version. */
  readonly steps: readonly StepState[];
  readonly totalCostUsd: number;
}

const MOVES = "select seq, cause, moves from run_moves where run_id = $1 order by seq";
const RUNS = "select id from workflow_runs order by created_at, id";

/** The history of a run that is stored. */
export async function readHistory(database: Database, runId: string): Promise<StoredHistory> {
  const statement = { name: "stored_history", text: MOVES };
  const rows = await database.read.query<StoredHistory["rows"][number]>(statement, [runId]);
  const whole = await findRunRows(database.read, runId);
  if (whole === undefined) throw new Error(`run ${runId} is not stored`);
  const steps = [...whole.run.stepMarks].map(stateOfMark);
  for (const { index, state } of whole.steps.values()) {
    if (steps[index] !== state) throw new Error(`run ${runId}: the row of step ${index}`);
  }
  return { runId, rows, state: whole.run.state, steps, totalCostUsd: whole.run.totalCostUsd };
}

/** The histories of all runs of a database. */
export async function readHistories(database: Database): Promise<StoredHistory[]> {
  const found = await database.read.query<{ id: string }>({ name: "stored_runs", text: RUNS }, []);
  return Promise.all(found.map(({ id }) => readHistory(database, id)));
}

/** A stored history as the engine's moves. */
export function movesOf({ runId, rows }: StoredHistory): RecordedRow[] {
  return rows.map((row) => ({ seq: row.seq, moves: unpackRow(runId, row).moves }));
}
