/**
 * Rows of steps and inputs of runs, whichever the fold, or the events of its moves, will read.
 * Boundary: each statement has its own snapshot. The version of the run's row shows whether the rows are of one state
 * (lock-runs.ts).
 */
import type { ChildRun, ChildSet } from "../engine/values/child-run.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { StepRun } from "../engine/values/run.ts";
import { loadChildren } from "./child-runs.ts";
import { propertyList, selectList } from "./columns.ts";
import type { Queries, Statement } from "./database.ts";
import { type StepRow, stepOfRow } from "./rows.ts";
import { stepRuns } from "./schema/runs.ts";

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
  /** Which version of a step's row was read. */
  readonly stepVersions: Map<number, string>;
  readonly children: ChildRun[];
  /** Unset when it was not wanted, or is too large. */
  readonly input?: JsonObject;
  /** Payloads that were left in the database, by step; nothing unless small rows alone were asked for. */
  readonly tooLarge: Map<number, TooLarge>;
  readonly inputTooLarge?: boolean;
  /** False where the rows of the runs before it were large enough: nothing of this run is of use then. */
  readonly isLoaded: boolean;
}

/** Which payloads of a step are too large. */
interface TooLarge {
  readonly input: boolean;
  readonly output: boolean;
}

/** In place of a step's index: the run's input. */
const RUN_INPUT = -1;
const ofRun = (what: string) => `case when v.step_index = ${RUN_INPUT}
  then (select ${what} from workflow_runs r where r.id = v.run_id) end`;
// The size of a compressed value is known only by reading it; few are compressed.
const bytesOf = (value: string) => `coalesce(case
  when pg_column_compression(${value}) is null then pg_column_size(${value})
  else octet_length(${value}::text) end, 0)`;
const PLAIN = ["checkedAt", "input", "output"];
// The sum goes from run to run: peers of the window are the rows of one run. The first run comes whatever its size.
const LOAD: Statement = {
  name: "load_rows",
  text: `select v."wantedRunId", v."wantedIndex", v."isLoaded", v."rowVersion",
      ${propertyList(stepRuns, "v", PLAIN)},
      case when v."isLoaded" then v."storedInput" end as "input",
      case when v."isLoaded" then v."storedOutput" end as "output",
      case when v."isLoaded" and v."wantedIndex" = ${RUN_INPUT}
        then (select r.input_payload from workflow_runs r where r.id = v."wantedRunId") end as "runInput"
    from (
      select v.run_id as "wantedRunId", v.step_index as "wantedIndex",
        ${selectList(stepRuns, "s", PLAIN)}, s.xmin::text as "rowVersion",
        s.input as "storedInput", s.output as "storedOutput",
        v.run_no = 1 or sum(${bytesOf("s.input")} + ${bytesOf("s.output")}
          + coalesce(${ofRun(bytesOf("r.input_payload"))}, 0)) over (order by v.run_no)
          <= $4::bigint as "isLoaded"
      from unnest($1::text[], $2::smallint[], $3::integer[]) as v(run_id, step_index, run_no)
      left join step_runs s on s.run_id = v.run_id and s.step_index = v.step_index) as v`,
};

// Text as Postgres writes it has a blank after each comma and colon: compact JSON is never shorter than two thirds of
// it.
const LARGE_TEXT_BYTES = 96 * 1024;
// Stored as it is, so small a value cannot have a large text, for a character has six bytes at most when it is escaped.
const SMALL_STORED_BYTES = 8 * 1024;
const isLarge = (value: string) => `(case
  when pg_column_compression(${value}) is null and pg_column_size(${value}) <= ${SMALL_STORED_BYTES} then false
  else coalesce(octet_length(${value}::text) > ${LARGE_TEXT_BYTES}, false) end)`;
const LOAD_SMALL: Statement = {
  name: "load_small_rows",
  text: `select v.run_id as "wantedRunId", v.step_index as "wantedIndex",
      ${ofRun(`case when not ${isLarge("r.input_payload")} then r.input_payload end`)} as "runInput",
      ${ofRun(isLarge("r.input_payload"))} as "runInputTooLarge",
      ${selectList(stepRuns, "s", ["checkedAt", "input", "output"])}, s.xmin::text as "rowVersion",
      large.input as "inputTooLarge", large.output as "outputTooLarge",
      case when not large.input then s.input end as "input",
      case when not large.output then s.output end as "output"
    from unnest($1::text[], $2::smallint[]) as v(run_id, step_index)
    left join step_runs s on s.run_id = v.run_id and s.step_index = v.step_index
    cross join lateral (
      select ${isLarge("s.input")} as input, ${isLarge("s.output")} as output) as large`,
};

type LoadedRow = { wantedRunId: string; wantedIndex: number; runInput: JsonObject | null } & (
  | (StepRow & { rowVersion: string })
  | { runId: null }
) & {
    isLoaded?: boolean;
    runInputTooLarge?: boolean | null;
    inputTooLarge?: boolean;
    outputTooLarge?: boolean;
  };

/** Payloads that are loaded at once: about what a batch has a budget for. */
const BYTES_AT_ONCE = 8 * 1024 * 1024;

/**
 * Loads what is wanted of many runs, by run id, until the payloads reach so many bytes: of the first run all, and of
 * the runs behind the limit nothing that is of use.
 */
export function loadRows(
  db: Queries,
  wanted: readonly WantedRows[],
  bytesAtMost = BYTES_AT_ONCE,
): Promise<Map<string, FoundRows>> {
  const places = wanted.flatMap(({ steps, runInput }, place) =>
    Array.from({ length: steps.length + (runInput ? 1 : 0) }, () => place),
  );
  // Counted from the first run that wants a row.
  const [first = 0] = places;
  return load(db, LOAD, wanted, [places.map((place) => place - first + 1), bytesAtMost]);
}

/**
 * As loadRows, but leaves payloads of over 96 KiB of text (over 64 KiB as compact JSON) in the database, and says
 * which.
 */
export function loadSmallRows(
  db: Queries,
  wanted: readonly WantedRows[],
): Promise<Map<string, FoundRows>> {
  return load(db, LOAD_SMALL, wanted);
}

async function load(
  db: Queries,
  statement: Statement,
  wanted: readonly WantedRows[],
  more: readonly unknown[] = [],
): Promise<Map<string, FoundRows>> {
  const runIds: string[] = [];
  const indexes: number[] = [];
  for (const { runId, steps, runInput } of wanted) {
    for (const index of runInput ? [...steps, RUN_INPUT] : steps) {
      runIds.push(runId);
      indexes.push(index);
    }
  }
  const found = new Map<string, Gathered>();
  const foundOf = (runId: string) => {
    const rows = found.get(runId) ?? noRows();
    found.set(runId, rows);
    return rows;
  };
  for (const { runId, child } of await loadChildren(db, wanted)) {
    foundOf(runId).children.push(child);
  }
  if (runIds.length === 0) return found;
  for (const row of await db.query<LoadedRow>(statement, [runIds, indexes, ...more])) {
    const rows = foundOf(row.wantedRunId);
    if (row.runInput !== null) rows.input = row.runInput;
    if (row.isLoaded === false) {
      rows.isLoaded = false;
      continue;
    }
    if (row.runInputTooLarge === true) rows.inputTooLarge = true;
    if (row.runId === null) continue;
    rows.steps.push(stepOfRow(row));
    rows.stepVersions.set(row.stepIndex, row.rowVersion);
    const { inputTooLarge: input = false, outputTooLarge: output = false } = row;
    if (input || output) rows.tooLarge.set(row.stepIndex, { input, output });
  }
  return found;
}

type Gathered = FoundRows & { input?: JsonObject; inputTooLarge?: boolean; isLoaded: boolean };

function noRows(): Gathered {
  return { steps: [], stepVersions: new Map(), children: [], tooLarge: new Map(), isLoaded: true };
}
