/**
 * Second statement of a batch: rows of steps and inputs of runs, whichever the fold will read.
 * Boundary: called after lockRuns in the same transaction, so nothing it reads can change meanwhile.
 */
import type { ChildRun, ChildSet } from "../engine/child-run.ts";
import type { JsonObject } from "../engine/json.ts";
import type { StepRun } from "../engine/run.ts";
import { loadChildren } from "./child-runs.ts";
import { selectList } from "./columns.ts";
import type { Statement, Tx } from "./database.ts";
import { type StepRow, stepOfRow } from "./rows.ts";
import { stepRuns } from "./schema.ts";

/** Rows wanted of one run. */
export interface WantedRows {
  readonly runId: string;
  readonly steps: readonly number[];
  readonly runInput: boolean;
  /** Unset: none. */
  readonly children?: readonly ChildSet[];
}

/** What was found of one run; a step without a row is left out. */
export interface FoundRows {
  readonly steps: StepRun[];
  readonly children: ChildRun[];
  /** Unset when it was not wanted. */
  readonly input?: JsonObject;
}

/** In place of a step's index: the run's input. */
const RUN_INPUT = -1;
const LOAD: Statement = {
  name: "load_rows",
  text: `select v.run_id as "wantedRunId", v.step_index as "wantedIndex",
      case when v.step_index = ${RUN_INPUT}
        then (select input_payload from workflow_runs where id = v.run_id) end as "runInput",
      ${selectList(stepRuns, "s", ["checkedAt"])}
    from unnest($1::text[], $2::smallint[]) as v(run_id, step_index)
    left join step_runs s on s.run_id = v.run_id and s.step_index = v.step_index`,
};

type LoadedRow = { wantedRunId: string; wantedIndex: number; runInput: JsonObject | null } & (
  | StepRow
  | { runId: null }
);

/** Loads what is wanted of many runs, by run id. */
export async function loadRows(
  tx: Tx,
  wanted: readonly WantedRows[],
): Promise<Map<string, FoundRows>> {
  const runIds: string[] = [];
  const indexes: number[] = [];
  for (const { runId, steps, runInput } of wanted) {
    for (const index of runInput ? [...steps, RUN_INPUT] : steps) {
      runIds.push(runId);
      indexes.push(index);
    }
  }
  const found = new Map<string, FoundRows & { input?: JsonObject }>();
  const foundOf = (runId: string) => {
    const rows = found.get(runId) ?? { steps: [], children: [] };
    found.set(runId, rows);
    return rows;
  };
  for (const { runId, child } of await loadChildren(tx, wanted)) {
    foundOf(runId).children.push(child);
  }
  if (runIds.length === 0) return found;
  for (const row of await tx.query<LoadedRow>(LOAD, [runIds, indexes])) {
    const rows = foundOf(row.wantedRunId);
    if (row.runInput !== null) rows.input = row.runInput;
    if (row.runId !== null) rows.steps.push(stepOfRow(row));
  }
  return found;
}
