/**
 * Whole runs for answers: every row of their steps, and of their payloads no more than fits a bound.
 * Boundary: one statement sees one moment; what an answer shows of it is the caller's question.
 * Invariants:
 * M1 Sizes are compared in Postgres. A payload beyond the bound is never sent: the run names it in `missing`.
 * M2 Inputs of runs come first, then the smallest payloads.
 * M3 An error text comes with its first 4,096 characters.
 * M4 Runs of workspaces that are not seen are dropped from the rows, not by the statement: planned once for all values,
 *    it could take an index of the workspace for its ids.
 */
import { asc, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { RunRows } from "../../engine/draft/draft.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import type { StepRun } from "../../engine/values/run.ts";
import type { StepDetail } from "../../engine/values/step-detail.ts";
import { findChildIds } from "../child-ids.ts";
import type { Queries } from "../database.ts";
import { runOfRow, stepOfRow } from "../rows.ts";
import { stepRuns, workflowRuns } from "../schema/runs.ts";
import { sees, type Visibility } from "./visibility.ts";

/** A run with its input and every row of its steps. */
export interface WholeRun extends RunRows {
  readonly input: JsonObject;
  /** Ids of child runs by step, where a step has some and no output yet. */
  readonly childIds: ReadonlyMap<number, readonly string[]>;
  /** Stored payloads that were not read. */
  readonly missing: MissingPayloads;
}

/** Payloads that are stored and were not read: steps by their index. */
interface MissingPayloads {
  readonly runInput: boolean;
  readonly inputs: ReadonlySet<number>;
  readonly outputs: ReadonlySet<number>;
}

/** Which payloads a statement reads: conditions on the rows `r` and `s`, and what they need joined. */
interface Chosen {
  /** A table that gives one row at most to each run. */
  readonly joined?: { readonly table: SQL; readonly on: SQL };
  readonly runInput: SQL;
  readonly input: SQL;
  readonly output: SQL;
}

/** Bytes of JSON that one read brings at most. An answer has 3.5 MiB. */
const PAYLOAD_BYTES_READ = 4 * 1024 * 1024;
// The most that a compressed payload can have: its limit as JSON.
const PAYLOAD_BYTES_AT_MOST = 256 * 1024;
const BEST_COMPRESSION = 256;
const ERROR_CHARS = 4096;
// Of what a step type keeps with its row only an output that is looked up now can be large, and no reader shows it.
const DETAIL_BYTES = 16 * 1024;

const { inputPayload, ...RUN } = getTableColumns(workflowRuns);
const { input, output, errorMessage, detail, ...STEP } = getTableColumns(stepRuns);
const IDS = sql.placeholder("runIds");

type Prepared = ReturnType<typeof prepareRead>;
// Planned and typed once for each connection pool; a reading side lives as long as the process.
const prepared = new WeakMap<Queries, Map<string, Prepared>>();

/** Those of the runs that exist, by id. Payloads are read up to 4 MiB together. */
export async function findManyRunRows(
  db: Queries,
  visibility: Visibility,
  runIds: readonly string[],
): Promise<Map<string, WholeRun>> {
  if (runIds.length === 0) return new Map();
  const values = { runIds: [...runIds] };
  const rows = await read(db, "find_run_rows", allThatFit).execute(values);
  if (rows.every(({ fits }) => fits)) return wholeRuns(db, visibility, rows);
  const fitting = await read(db, "find_fitting_run_rows", smallestThatFit).execute(values);
  return wholeRuns(db, visibility, fitting);
}

/** The run without payloads. */
export async function findRunOutline(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<WholeRun | undefined> {
  const rows = await read(db, "find_run_outline", nothing).execute({ runIds: [runId] });
  return (await wholeRuns(db, visibility, rows)).get(runId);
}

/** The run with its input and these payloads alone, or none of them when they have more than `bytesAtMost`. */
export async function findRunWith(
  db: Queries,
  visibility: Visibility,
  runId: string,
  wanted: { readonly inputs: readonly number[]; readonly outputs: readonly number[] },
  bytesAtMost: number,
): Promise<WholeRun | undefined> {
  const values = { runIds: [runId], inputs: wanted.inputs, outputs: wanted.outputs, bytesAtMost };
  const rows = await read(db, "find_run_with", theseAlone).execute(values);
  return (await wholeRuns(db, visibility, rows)).get(runId);
}

function read(db: Queries, name: string, choose: () => Chosen): Prepared {
  const known = prepared.get(db) ?? new Map<string, Prepared>();
  prepared.set(db, known);
  const made = known.get(name) ?? prepareRead(db, name, choose());
  known.set(name, made);
  return made;
}

function prepareRead(db: Queries, name: string, chosen: Chosen) {
  const { joined = { table: sql`(select 1) as nothing`, on: sql`true` } } = chosen;
  // A run's input comes with its first row alone.
  const rank = sql`row_number() over (partition by ${workflowRuns.id} order by ${stepRuns.stepIndex})`;
  return db.build
    .select({
      run: RUN,
      runInput: sql<JsonObject | null>`case when ${rank} = 1 and ${chosen.runInput} then ${inputPayload} end`,
      fits: sql<boolean>`${chosen.runInput}`,
      step: STEP,
      stepInput: sql<JsonObject | null>`case when ${chosen.input} then ${input} end`,
      stepOutput: sql<JsonObject | null>`case when ${chosen.output} then ${output} end`,
      hasInput: sql<boolean>`${input} is not null`,
      hasOutput: sql<boolean>`${output} is not null`,
      detail: sql<StepDetail | null>`case when pg_column_size(${detail}) > ${sql.raw(String(DETAIL_BYTES))}
        then ${detail} - 'pendingEnd' else ${detail} end`,
      errorMessage: sql<
        string | null
      >`case when length(${errorMessage}) > ${sql.raw(String(ERROR_CHARS))}
        then left(${errorMessage}, ${sql.raw(String(ERROR_CHARS - 1))}) || '…' else ${errorMessage} end`,
    })
    .from(workflowRuns)
    .leftJoin(stepRuns, eq(stepRuns.runId, workflowRuns.id))
    .leftJoin(joined.table, joined.on)
    .where(sql`${workflowRuns.id} = any(${IDS}::text[])`)
    .orderBy(asc(workflowRuns.id), asc(stepRuns.stepIndex))
    .prepare(name);
}

type Row = Awaited<ReturnType<Prepared["execute"]>>[number];

async function wholeRuns(
  db: Queries,
  visibility: Visibility,
  rows: readonly Row[],
): Promise<Map<string, WholeRun>> {
  const found = new Map<string, ReturnType<typeof emptyRun>>();
  for (const row of rows) {
    if (!sees(visibility, row.run.workspaceId)) continue;
    const whole = found.get(row.run.id) ?? emptyRun(row);
    found.set(row.run.id, whole);
    if (row.step !== null) addStep(whole, row.step, row);
  }
  const parents = [...found.values()].flatMap(({ steps }) => [...steps.values()]);
  const ids = await findChildIds(db, parents);
  return new Map(
    [...found].map(([id, whole]) => [id, { ...whole, childIds: ids.get(id) ?? new Map() }]),
  );
}

function emptyRun({ run, runInput }: Row) {
  const missing = {
    runInput: runInput === null,
    inputs: new Set<number>(),
    outputs: new Set<number>(),
  };
  return { run: runOfRow(run), input: runInput ?? {}, steps: new Map<number, StepRun>(), missing };
}

function addStep(
  { steps, missing }: ReturnType<typeof emptyRun>,
  step: NonNullable<Row["step"]>,
  row: Row,
): void {
  const { stepInput, stepOutput, detail, errorMessage } = row;
  const index = step.stepIndex;
  const whole = { ...step, input: stepInput, output: stepOutput, detail, errorMessage };
  steps.set(index, stepOfRow(whole));
  if (row.hasInput && stepInput === null) missing.inputs.add(index);
  if (row.hasOutput && stepOutput === null) missing.outputs.add(index);
}

/** All payloads, when they fit together. Bounds are summed first: when those fit, no payload is read for its size. */
function allThatFit(): Chosen {
  const sum = (of: (payload: SQL) => SQL, from: SQL, columns: SQL[]) =>
    sql`(select coalesce(sum(${sql.join(columns.map(of), sql` + `)}), 0) from ${from})`;
  const ofSteps = sql`step_runs m where m.run_id = any(${IDS}::text[])`;
  const ofRuns = sql`workflow_runs m where m.id = any(${IDS}::text[])`;
  const total = (of: (payload: SQL) => SQL) =>
    sql`${sum(of, ofSteps, [sql`m.input`, sql`m.output`])} + ${sum(of, ofRuns, [sql`m.input_payload`])}`;
  const limit = sql.raw(String(PAYLOAD_BYTES_READ));
  // The limit keeps it one row that is worked out once.
  const table = sql`(select case when ${total(boundOf)} <= ${limit} then true
    else ${total(bytesOf)} <= ${limit} end as all_fit limit 1) as measured`;
  const fits = sql`measured.all_fit`;
  return { joined: { table, on: sql`true` }, runInput: fits, input: fits, output: fits };
}

/** Inputs of runs, then the smallest payloads, as long as they fit together. */
function smallestThatFit(): Chosen {
  const table = sql`(
    select run_id, bool_or(kind = 0) as run_input,
      array_agg(step_index) filter (where kind = 1) as outputs,
      array_agg(step_index) filter (where kind = 2) as inputs
    from (
      select run_id, step_index, kind,
        sum(bytes) over (order by kind > 0, bytes, kind, run_id, step_index) as up_to
      from (
        select m.run_id, m.step_index, p.kind, p.bytes
        from step_runs m cross join lateral (
          values (1, ${bytesOf(sql`m.output`)}), (2, ${bytesOf(sql`m.input`)})) as p(kind, bytes)
        where m.run_id = any(${IDS}::text[]) and p.bytes > 0
        union all
        select m.id, -1, 0, ${bytesOf(sql`m.input_payload`)}
        from workflow_runs m where m.id = any(${IDS}::text[])
      ) as sized
    ) as summed
    where up_to <= ${sql.raw(String(PAYLOAD_BYTES_READ))}
    group by run_id) as fitting`;
  return {
    joined: { table, on: sql`fitting.run_id = ${workflowRuns.id}` },
    runInput: sql`fitting.run_input`,
    input: sql`${stepRuns.stepIndex} = any(fitting.inputs)`,
    output: sql`${stepRuns.stepIndex} = any(fitting.outputs)`,
  };
}

function nothing(): Chosen {
  const no = sql`false`;
  return { runInput: no, input: no, output: no };
}

/** The payloads of these steps, when they fit together; and the run's input. */
function theseAlone(): Chosen {
  const isOne = (name: string, index: SQL) =>
    sql`${index} = any(${sql.placeholder(name)}::smallint[])`;
  const table = sql`(
    select coalesce(sum(
      case when ${isOne("inputs", sql`m.step_index`)} then ${bytesOf(sql`m.input`)} else 0 end
      + case when ${isOne("outputs", sql`m.step_index`)} then ${bytesOf(sql`m.output`)} else 0 end
      ), 0) <= ${sql.placeholder("bytesAtMost")} as all_fit
    from step_runs m where m.run_id = any(${IDS}::text[])) as measured`;
  const index = sql`${stepRuns.stepIndex}`;
  return {
    joined: { table, on: sql`true` },
    runInput: sql`true`,
    input: sql`measured.all_fit and ${isOne("inputs", index)}`,
    output: sql`measured.all_fit and ${isOne("outputs", index)}`,
  };
}

/** Bytes of a payload as JSON, of one that is not compressed about; 0 where there is none. */
function bytesOf(payload: SQL): SQL {
  return sql`case when ${payload} is null then 0
    when pg_column_compression(${payload}) is null then pg_column_size(${payload})
    else octet_length(${payload}::text) end`;
}

/** The most bytes that it can have, computed without reading it. */
function boundOf(payload: SQL): SQL {
  const [best, most] = [BEST_COMPRESSION, PAYLOAD_BYTES_AT_MOST].map((n) => sql.raw(String(n)));
  return sql`case when ${payload} is null then 0
    when pg_column_compression(${payload}) is null then pg_column_size(${payload})
    else least(pg_column_size(${payload}) * ${best}, ${most}) end`;
}
