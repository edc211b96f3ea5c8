/**
 * Last statement of a batch: everything that many runs changed, in one round trip.
 * Boundary: writes what it is given; the caller holds the runs' locks.
 * Invariants:
 * S1 Each part is one INSERT, UPDATE or DELETE over one parameter of rows, so the text never grows with the batch.
 * S2 A part without rows is left out; the statement's name says which parts it has.
 * S3 The id of the batch of moves is drawn here, after the locks: for each run ids rise with its seq.
 */
import type pg from "pg";
import type { HistoryRow } from "../engine/draft/draft.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { ChildRow } from "./child-runs.ts";
import { assignments, type Incoming, insertFrom, recordset } from "./columns.ts";
import type { Tx } from "./database.ts";
import { packRow } from "./packed-moves.ts";
import type { IncomingRun, StepRow } from "./rows.ts";
import { effects } from "./schema/calls.ts";
import { runMoves } from "./schema/history.ts";
import { childRuns, runStarts, stepRuns, workflowRuns } from "./schema/runs.ts";

/** A step's row with the payloads that did not change left out. */
export interface ChangedStep extends StepRow {
  readonly keepInput: boolean;
  readonly keepOutput: boolean;
  /** Version of the row that was read, by which its changes were made. */
  readonly rowVersion: string;
}

/**
 * A step's row was written by another transaction after it was read: nothing may be committed of what was made of it.
 */
export class StaleRows extends Error {
  override readonly name = "StaleRows";
}

/** A move on its way in. */
interface IncomingMove extends HistoryRow {
  readonly runId: string;
  readonly recordedAt: Date;
}

/** Everything that one commit writes; all runs are of one partition. */
export interface Batch {
  readonly partition: number;
  readonly newRuns: (IncomingRun & { inputPayload: JsonObject })[];
  readonly changedRuns: IncomingRun[];
  readonly newSteps: StepRow[];
  readonly changedSteps: ChangedStep[];
  readonly newChildren: ChildRow[];
  readonly changedChildren: ChildRow[];
  readonly moves: IncomingMove[];
  readonly newCalls: Incoming<typeof effects.$inferSelect>[];
  /** Ids of calls whose result is in this batch. */
  readonly finishedCalls: string[];
  /** Steps whose notifications are not sent any more. */
  readonly droppedSteps: { readonly runId: string; readonly stepIndex: number }[];
  readonly starts: Omit<typeof runStarts.$inferSelect, "runDeletedAt">[];
}

interface Part {
  readonly letter: string;
  readonly values: readonly unknown[];
  /** Text of the part; `at(n)` names its n-th parameter. */
  readonly text: (at: (n: number) => string) => string;
}

const RUN_FIXED = [
  "workspaceId",
  "definitionId",
  "versionId",
  "definitionVersion",
  "triggerType",
  "triggerEventId",
  "triggerSource",
  "initiatorAgentId",
  "initiatorUserId",
  "parentRunId",
  "parentStep",
  "entityId",
  "entityType",
  "hops",
  "inputUnset",
  "createdAt",
  "inputPayload",
];
const STEP_KEYS = ["runId", "stepIndex", "workspaceId"];
/** Columns of steps that no move writes. */
const STEP_OTHERS = ["checkedAt"];
const START_OTHERS = ["runDeletedAt"];

/** What was written. */
export interface SavedBatch {
  /** Id of the batch's row in move_batches, null when nothing was moved. */
  readonly batchId: number | null;
  /** Ids of the calls that are new; the others were stored before and stay with their holders. */
  readonly newCalls: readonly string[];
  /** The transaction's id, by which its end is found out (see commit-status.ts). */
  readonly transactionId: string;
}

/** Writes a batch; undefined when there is nothing to write. Rejects with StaleRows. */
export async function saveBatch(tx: Tx, batch: Batch): Promise<SavedBatch | undefined> {
  const parts = partsOf(batch);
  if (parts.length === 0) return undefined;
  const values: unknown[] = [];
  const texts = parts.map((part) => {
    const first = values.length + 1;
    values.push(...part.values);
    return part.text((n) => `$${first + n}`);
  });
  const batchId = batch.moves.length === 0 ? "null::bigint" : "(select id from batch)";
  const newCalls =
    batch.newCalls.length === 0 ? "'{}'::text[]" : "array(select id from new_effects)";
  const changedSteps =
    batch.changedSteps.length === 0 ? "0" : "(select count(*)::integer from changed_steps)";
  const name = `save_batch_${parts.map((part) => part.letter).join("")}`;
  const text = `with ${texts.join(",\n")}
    select ${batchId} as "batchId", ${newCalls} as "newCalls",
      ${changedSteps} as "changedSteps", pg_current_xact_id()::text as "transactionId"`;
  const [row] = await tx.query<SavedRow>({ name, text }, values);
  if (row === undefined) throw new Error("a statement that selects one row gave none");
  if (row.changedSteps < batch.changedSteps.length) {
    throw new StaleRows(`${batch.changedSteps.length - row.changedSteps} steps were changed since`);
  }
  return row;
}

type SavedRow = SavedBatch & { readonly changedSteps: number } & pg.QueryResultRow;

function partsOf(batch: Batch): Part[] {
  return [
    ...rowsPart("a", batch.newRuns, insertRuns),
    ...rowsPart("b", batch.changedRuns, updateRuns),
    ...rowsPart("c", batch.newSteps, insertSteps),
    ...rowsPart("d", batch.changedSteps, updateSteps),
    ...rowsPart("e", batch.moves.map(movesRow), insertMoves, [batch.partition]),
    ...rowsPart("f", batch.newCalls, insertCalls),
    ...rowsPart("g", batch.finishedCalls, deleteFinished),
    ...rowsPart("h", batch.droppedSteps, deleteDropped),
    ...rowsPart("i", batch.starts, insertStarts),
    ...rowsPart("j", batch.newChildren, insertChildren),
    ...rowsPart("k", batch.changedChildren, updateChildren),
  ];
}

function movesRow({ runId, seq, recordedAt, ...row }: IncomingMove) {
  const { cause, moves } = packRow(runId, row);
  return {
    runId,
    seq,
    recordedAt,
    cause: JSON.stringify(cause),
    moves: JSON.stringify(moves),
  };
}

function rowsPart(
  letter: string,
  rows: readonly unknown[],
  text: Part["text"],
  more: readonly unknown[] = [],
): Part[] {
  return rows.length === 0 ? [] : [{ letter, text, values: [JSON.stringify(rows), ...more] }];
}

const insertRuns: Part["text"] = (at) => `new_runs as (${insertFrom(workflowRuns, at(0))})`;

const updateRuns: Part["text"] = (at) => `changed_runs as (
  update workflow_runs r set ${assignments(workflowRuns, ["id", ...RUN_FIXED])}
  from ${recordset(workflowRuns, at(0), "v", [], RUN_FIXED)} where r.id = v.id)`;

const insertSteps: Part["text"] = (at) =>
  `new_steps as (${insertFrom(stepRuns, at(0), STEP_OTHERS)})`;

// A payload that did not change is not written again, so a large one stays where it is.
const NO_COLUMNS = ['"keepInput" boolean', '"keepOutput" boolean', '"rowVersion" text'];
const updateSteps: Part["text"] = (at) => `changed_steps as (
  update step_runs s set ${assignments(stepRuns, [...STEP_KEYS, ...STEP_OTHERS, "input", "output"])},
    input = case when v."keepInput" then s.input else v.input end,
    output = case when v."keepOutput" then s.output else v.output end
  from ${recordset(stepRuns, at(0), "v", NO_COLUMNS, STEP_OTHERS)}
  where s.run_id = v."runId" and s.step_index = v."stepIndex" and s.xmin::text = v."rowVersion"
  returning 1)`;

const insertChildren: Part["text"] = (at) => `new_children as (${insertFrom(childRuns, at(0))})`;

const CHILD_KEYS = ["runId", "stepIndex", "attempt", "childIndex"];
const updateChildren: Part["text"] = (at) => `changed_children as (
  update child_runs c set ${assignments(childRuns, [...CHILD_KEYS, "input"])}
  from ${recordset(childRuns, at(0), "v", [], ["input"])}
  where c.run_id = v."runId" and c.step_index = v."stepIndex"
    and c.attempt = v.attempt and c.child_index = v."childIndex")`;

// As texts, for jsonb would write them with spaces.
const MOVES_TEXTS = ["cause text", "moves text"];
const insertMoves: Part["text"] = (at) => `batch as (
  insert into move_batches (partition) values (${at(1)}) returning id), moves as (
  insert into run_moves (run_id, seq, batch_id, recorded_at, cause, moves)
  select v."runId", v.seq, batch.id, v."recordedAt", v.cause::json, v.moves::json
  from batch, ${recordset(runMoves, at(0), "v", MOVES_TEXTS, ["batchId", "cause", "moves"])})`;

// A call that is wanted already stays as it is: its id stands for the same request.
// The lock of a run excludes other inserts of its calls, so `not exists` is enough; `on conflict` would log each row
// twice.
const insertCalls: Part["text"] = (at) => `new_effects as (${insertFrom(effects, at(0))}
  where not exists (select 1 from effects e where e.id = v.id) returning id)`;

const deleteFinished: Part["text"] = (at) => `finished_effects as (
  delete from effects where id in (select jsonb_array_elements_text(${at(0)}::jsonb)))`;

// A run's calls are a range of the key: their ids begin with its id and `/`, and `0` is the next byte. The range is
// looked up for each run before anything is deleted, for joined at once it may be planned as a scan of all calls.
const deleteDropped: Part["text"] = (at) => `dropped_effects as (
  delete from effects where id = any(array(
    select found.id from (
      select "runId", array_agg("stepIndex") as steps
      from jsonb_to_recordset(${at(0)}::jsonb) as v("runId" text, "stepIndex" smallint)
      group by "runId") as dropped
    cross join lateral (
      select e.id from effects e
      where e.id > dropped."runId" || '/' and e.id < dropped."runId" || '0'
        and e.step_index = any(dropped.steps) and e.kind = 'send_notification'
      order by e.id) as found)))`;

const insertStarts: Part["text"] = (at) =>
  `new_starts as (${insertFrom(runStarts, at(0), START_OTHERS)})`;
