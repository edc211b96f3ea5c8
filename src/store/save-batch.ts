/**
 * Last statement of a batch: everything that many runs changed, in one round trip. It may be a transaction of its own.
 * Boundary: writes what it is given.
 * Invariants:
 * S1 Each part is one INSERT, UPDATE or DELETE over one parameter of rows, so the text never grows with the batch.
 * S2 An optional group of parts without rows is left out; the statement's name says which groups it has. Other parts
 *    without rows write nothing. So there are 16 statements, where all subsets of the parts would be 2^12.
 * S3 The id of the batch of moves is drawn here, after the locks: for each run ids rise with its seq.
 * S4 The statement locks the runs and compares their versions, and those of its steps. Where one does not hold it fails: nothing
 *    of it can be committed, whoever sends the commit.
 * S5 It fails where a new run is of a workflow that is closed (save-fences.ts).
 */
import type pg from "pg";
import type { HistoryRow } from "../engine/draft/draft.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { ChildRow } from "./child-runs.ts";
import { assignments, type Incoming, insertFrom, recordset } from "./columns.ts";
import type { Queries, Statement } from "./database.ts";
import { type EventToKeep, keepParts } from "./events.ts";
import { type InboxStep, saveInbox } from "./inbox.ts";
import { CLOCK } from "./lock-runs.ts";
import { packRow } from "./packed-moves.ts";
import { isDivisionByZero, isUnknownSetting } from "./pg-errors.ts";
import type { ChangedRun, IncomingRun, IncomingStep } from "./rows.ts";
import {
  type BatchFences,
  ClosedWorkflow,
  FENCES,
  FIXED_VALUES,
  fixedValuesOf,
  MAY_BEGIN,
  requireSteps,
  StaleRows,
} from "./save-fences.ts";
import { effects } from "./schema/calls.ts";
import { runMoves } from "./schema/history.ts";
import { childRuns, runStarts, stepRuns, workflowRuns } from "./schema/runs.ts";

/** A step's row with the payloads that did not change left out. */
export interface ChangedStep extends IncomingStep {
  readonly keepInput: boolean;
  readonly keepOutput: boolean;
  /** Version of the row that was read, by which its changes were made. */
  readonly rowVersion: string;
}

/** A move on its way in. */
interface IncomingMove extends HistoryRow {
  readonly runId: string;
  /** In which the run's events are published. */
  readonly partition: number;
  readonly recordedAt: Date;
}

/** Everything that one commit writes. */
export interface Batch {
  readonly newRuns: (IncomingRun & { inputPayload: JsonObject })[];
  readonly changedRuns: ChangedRun[];
  readonly newSteps: IncomingStep[];
  readonly changedSteps: ChangedStep[];
  readonly newChildren: ChildRow[];
  readonly changedChildren: ChildRow[];
  /** Steps that ask people, with all items that are open now. */
  readonly inboxSteps: readonly InboxStep[];
  readonly moves: IncomingMove[];
  readonly newCalls: Incoming<typeof effects.$inferSelect>[];
  /** Ids of calls whose result is in this batch. */
  readonly finishedCalls: string[];
  /** Steps whose notifications are not sent any more. */
  readonly droppedSteps: { readonly runId: string; readonly stepIndex: number }[];
  readonly starts: Omit<typeof runStarts.$inferSelect, "runDeletedAt">[];
  /** Events that the runs took and that are not kept yet, in an order that all batches have. */
  readonly takenEvents: readonly EventToKeep[];
  readonly fences: BatchFences;
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
  "environment",
  "vars",
  "startedBy",
  "concurrencyKey",
  "createdAt",
  "inputPayload",
];
const STEP_KEYS = ["runId", "stepIndex", "workspaceId"];
/** Columns of steps that no move writes. */
const STEP_OTHERS = ["checkedAt"];
const START_OTHERS = ["runDeletedAt"];

/** The moves of a commit that are published in one partition. */
interface WrittenBatch {
  readonly id: number;
  readonly partition: number;
}

/** What was written. */
export interface SavedBatch {
  /** The rows in move_batches, one for each partition with moves. */
  readonly batches: readonly WrittenBatch[];
  /** Ids of the calls that are new; the others were stored before and stay with their holders. */
  readonly newCalls: readonly string[];
  /** The transaction's id, by which its end is found out (see commit-status.ts). */
  readonly transactionId: string;
  /** The edition of the catalogue when the statement began; unset where the rows were found later. */
  readonly edition?: string;
  /** The database's clock; unset where the rows were found later. */
  readonly nowMs?: number;
}

/** Writes a batch; undefined when there is nothing to write. Rejects with StaleRows and ClosedWorkflow. Of `db.alone` the answer is a commit. */
export async function saveBatch(
  db: Pick<Queries, "query">,
  batch: Batch,
): Promise<SavedBatch | undefined> {
  const groups = groupsOf(batch);
  if (!groups.some(hasRows)) return undefined;
  const written = groups.filter((group) => group.name === ALWAYS || hasRows(group));
  const parts = written.flatMap((group) => group.parts);
  const values = [...fixedValuesOf(batch), ...parts.map(({ rows }) => JSON.stringify(rows))];
  try {
    const [row] = await db.query<SavedBatch & pg.QueryResultRow>(statementOf(written), values);
    if (row === undefined) throw new Error("a statement that selects one row gave none");
    return row;
  } catch (error) {
    if (isDivisionByZero(error)) throw new ClosedWorkflow("closed", { cause: error });
    if (!isUnknownSetting(error)) throw error;
    throw new StaleRows("a run or a step is not as it was read", { cause: error });
  }
}

/** Each is made once: that takes longer than to fill it with a lone run's rows. */
const statements = new Map<string, Statement>();

function statementOf(written: readonly Group[]): Statement {
  const name = `save_batch_${written.map((group) => group.name).join("_")}`;
  const known = statements.get(name);
  if (known !== undefined) return known;
  const parts = written.flatMap((group) => group.parts);
  const texts = parts.map(({ text }, place) => text(`$${place + FIXED_VALUES + 1}`));
  const hasCalls = written.some((group) => group.name === "calls");
  const text = `with ${[FENCES, ...texts].join(",\n")}
    select (select coalesce(json_agg(b), '[]') from batch as b) as "batches",
      ${hasCalls ? "array(select id from new_effects)" : "'{}'::text[]"} as "newCalls",
      ${requireSteps("changed_steps")} as "stepsHold",
      pg_current_xact_id()::text as "transactionId", ${CLOCK} as "nowMs",
      (select edition::text from catalogue_edition where id = 1) as "edition"
    from fence where fence.holds = 1`;
  const made = { name, text };
  statements.set(name, made);
  return made;
}

/** Rows with what writes them; `text` makes it of the parameter that holds them. */
interface Part {
  readonly rows: readonly unknown[];
  readonly text: (rows: string) => string;
}

interface Group {
  readonly name: string;
  readonly parts: readonly Part[];
}

const ALWAYS = "moves";

function groupsOf(batch: Batch): Group[] {
  return [
    {
      name: "starts",
      parts: [
        { rows: batch.newRuns, text: insertRuns },
        { rows: batch.starts, text: insertStarts },
      ],
    },
    {
      name: ALWAYS,
      parts: [
        { rows: batch.changedRuns, text: updateRuns },
        { rows: batch.newSteps, text: insertSteps },
        { rows: batch.changedSteps, text: updateSteps },
        { rows: batch.moves.map(sentMoves), text: insertMoves },
      ],
    },
    {
      name: "calls",
      parts: [
        { rows: batch.newCalls, text: insertCalls },
        { rows: batch.finishedCalls, text: deleteFinished },
      ],
    },
    {
      name: "others",
      parts: [
        { rows: batch.droppedSteps, text: deleteDropped },
        { rows: batch.newChildren, text: insertChildren },
        { rows: batch.changedChildren, text: updateChildren },
        { rows: batch.inboxSteps, text: saveInbox },
      ],
    },
    { name: "events", parts: [{ rows: batch.takenEvents, text: keepParts }] },
  ];
}

function hasRows({ parts }: Group): boolean {
  return parts.some(({ rows }) => rows.length > 0);
}

/** A move as it is sent, with its cause and moves as texts. */
export function sentMoves({ runId, seq, recordedAt, partition, ...row }: IncomingMove) {
  const { cause, moves } = packRow(runId, row);
  return {
    runId,
    partition,
    seq,
    recordedAt,
    cause: JSON.stringify(cause),
    moves: JSON.stringify(moves),
  };
}

const insertRuns: Part["text"] = (rows) =>
  `new_runs as (${insertFrom(workflowRuns, rows)} where ${MAY_BEGIN})`;

const updateRuns: Part["text"] = (rows) => `changed_runs as (
  update workflow_runs r set ${assignments(workflowRuns, ["id", ...RUN_FIXED])}
  from ${recordset(workflowRuns, rows, "v", [], RUN_FIXED)} where r.id = v.id)`;

const insertSteps: Part["text"] = (rows) =>
  `new_steps as (${insertFrom(stepRuns, rows, STEP_OTHERS)})`;

// A payload that did not change is not written again, so a large one stays where it is.
const NO_COLUMNS = ['"keepInput" boolean', '"keepOutput" boolean', '"rowVersion" text'];
const updateSteps: Part["text"] = (rows) => `changed_steps as (
  update step_runs s set ${assignments(stepRuns, [...STEP_KEYS, ...STEP_OTHERS, "input", "output"])},
    input = case when v."keepInput" then s.input else v.input end,
    output = case when v."keepOutput" then s.output else v.output end
  from ${recordset(stepRuns, rows, "v", NO_COLUMNS, STEP_OTHERS)}
  where s.run_id = v."runId" and s.step_index = v."stepIndex" and s.xmin::text = v."rowVersion"
  returning 1)`;

const insertChildren: Part["text"] = (rows) => `new_children as (${insertFrom(childRuns, rows)})`;

const CHILD_KEYS = ["runId", "stepIndex", "attempt", "childIndex"];
const updateChildren: Part["text"] = (rows) => `changed_children as (
  update child_runs c set ${assignments(childRuns, [...CHILD_KEYS, "input"])}
  from ${recordset(childRuns, rows, "v", [], ["input"])}
  where c.run_id = v."runId" and c.step_index = v."stepIndex"
    and c.attempt = v.attempt and c.child_index = v."childIndex")`;

// As texts, for jsonb would write them with spaces.
const MOVES_TEXTS = ["partition smallint", "cause text", "moves text"];
const insertMoves: Part["text"] = (rows) => `batch as (
  insert into move_batches (partition) select p.partition
  from fence cross join unnest($1::smallint[]) as p(partition)
  where fence.holds = 1 returning id, partition), moves as (
  insert into run_moves (run_id, seq, batch_id, recorded_at, cause, moves)
  select v."runId", v.seq, batch.id, v."recordedAt", v.cause::json, v.moves::json
  from ${recordset(runMoves, rows, "v", MOVES_TEXTS, ["batchId", "cause", "moves"])}
  join batch on batch.partition = v.partition)`;

// A call that is wanted already stays as it is: its id stands for the same request.
// The lock of a run excludes other inserts of its calls, so `not exists` is enough; `on conflict` would log each row
// twice.
const insertCalls: Part["text"] = (rows) => `new_effects as (${insertFrom(effects, rows)}
  where not exists (select 1 from effects e where e.id = v.id) returning id)`;

const deleteFinished: Part["text"] = (rows) => `finished_effects as (
  delete from effects where id in (select jsonb_array_elements_text(${rows}::jsonb)))`;

// A run's calls are a range of the key: their ids begin with its id and `/`, and `0` is the next byte. The range is
// looked up for each run before anything is deleted, for joined at once it may be planned as a scan of all calls.
const deleteDropped: Part["text"] = (rows) => `dropped_effects as (
  delete from effects where id = any(array(
    select found.id from (
      select "runId", array_agg("stepIndex") as steps
      from jsonb_to_recordset(${rows}::jsonb) as v("runId" text, "stepIndex" smallint)
      group by "runId") as dropped
    cross join lateral (
      select e.id from effects e
      where e.id > dropped."runId" || '/' and e.id < dropped."runId" || '0'
        and e.step_index = any(dropped.steps) and e.kind = 'send_notification'
      order by e.id) as found)))`;

const insertStarts: Part["text"] = (rows) =>
  `new_starts as (${insertFrom(runStarts, rows, START_OTHERS)})`;
