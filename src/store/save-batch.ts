/**
 * Last statement of a batch: everything that many runs changed, in one round trip.
 * Boundary: writes what it is given; the caller holds the runs' locks.
 * Invariants:
 * S1 Each part is one INSERT, UPDATE or DELETE over one parameter of rows, so the text never grows with the batch.
 * S2 A part without rows is left out; the statement's name says which parts it has.
 * S3 The id of the batch of moves is drawn here, after the locks: for each run ids rise with its seq.
 */
import type { HistoryRow } from "../engine/draft.ts";
import type { JsonObject } from "../engine/json.ts";
import { assignments, type Incoming, insertFrom, recordset } from "./columns.ts";
import type { Tx } from "./database.ts";
import type { IncomingRun, StepRow } from "./rows.ts";
import { effects, runMoves, runStarts, stepRuns, workflowRuns } from "./schema.ts";

/** A step's row with the payloads that did not change left out. */
export interface ChangedStep extends StepRow {
  readonly keepInput: boolean;
  readonly keepOutput: boolean;
}

/** A move on its way in. */
export interface IncomingMove extends HistoryRow {
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
  readonly moves: IncomingMove[];
  readonly newEffects: Incoming<typeof effects.$inferSelect>[];
  /** Ids of calls whose result is in this batch. */
  readonly finishedEffects: string[];
  /** Steps whose notifications are not sent any more. */
  readonly droppedSteps: { readonly runId: string; readonly stepIndex: number }[];
  readonly starts: (typeof runStarts.$inferSelect)[];
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
  "initiatorAgentId",
  "initiatorUserId",
  "parentRunId",
  "entityId",
  "entityType",
  "hops",
  "createdAt",
  "inputPayload",
];
const STEP_KEYS = ["runId", "stepIndex", "workspaceId"];

/** Writes a batch; gives the id of its row in move_batches, or null when nothing was moved. */
export async function saveBatch(tx: Tx, batch: Batch): Promise<number | null> {
  const parts = partsOf(batch);
  if (parts.length === 0) return null;
  const values: unknown[] = [];
  const texts = parts.map((part) => {
    const first = values.length + 1;
    values.push(...part.values);
    return part.text((n) => `$${first + n}`);
  });
  const result = batch.moves.length === 0 ? "null::bigint" : "(select id from batch)";
  const name = `save_batch_${parts.map((part) => part.letter).join("")}`;
  const text = `with ${texts.join(",\n")}\nselect ${result} as "batchId"`;
  const [row] = await tx.query<{ batchId: number | null }>({ name, text }, values);
  return row?.batchId ?? null;
}

function partsOf(batch: Batch): Part[] {
  return [
    ...rowsPart("a", batch.newRuns, insertRuns),
    ...rowsPart("b", batch.changedRuns, updateRuns),
    ...rowsPart("c", batch.newSteps, insertSteps),
    ...rowsPart("d", batch.changedSteps, updateSteps),
    ...rowsPart("e", batch.moves, insertMoves, [batch.partition]),
    ...rowsPart("f", batch.newEffects, insertEffects),
    ...rowsPart("g", batch.finishedEffects, deleteFinished),
    ...rowsPart("h", batch.droppedSteps, deleteDropped),
    ...rowsPart("i", batch.starts, insertStarts),
  ];
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

const insertSteps: Part["text"] = (at) => `new_steps as (${insertFrom(stepRuns, at(0))})`;

// A payload that did not change is not written again, so a large one stays where it is.
const updateSteps: Part["text"] = (at) => `changed_steps as (
  update step_runs s set ${assignments(stepRuns, [...STEP_KEYS, "input", "output"])},
    input = case when v."keepInput" then s.input else v.input end,
    output = case when v."keepOutput" then s.output else v.output end
  from ${recordset(stepRuns, at(0), "v", ['"keepInput" boolean', '"keepOutput" boolean'])}
  where s.run_id = v."runId" and s.step_index = v."stepIndex")`;

const insertMoves: Part["text"] = (at) => `batch as (
  insert into move_batches (partition) values (${at(1)}) returning id), moves as (
  insert into run_moves (run_id, seq, batch_id, recorded_at, cause, moves)
  select v."runId", v.seq, batch.id, v."recordedAt", v.cause, v.moves
  from batch, ${recordset(runMoves, at(0), "v", [], ["batchId"])})`;

const insertEffects: Part["text"] = (at) => `new_effects as (${insertFrom(effects, at(0))})`;

const deleteFinished: Part["text"] = (at) => `finished_effects as (
  delete from effects where id in (select jsonb_array_elements_text(${at(0)}::jsonb)))`;

const deleteDropped: Part["text"] = (at) => `dropped_effects as (
  delete from effects e
  using jsonb_to_recordset(${at(0)}::jsonb) as v("runId" text, "stepIndex" smallint)
  where e.run_id = v."runId" and e.step_index = v."stepIndex" and e.kind = 'send_notification')`;

const insertStarts: Part["text"] = (at) => `new_starts as (${insertFrom(runStarts, at(0))})`;
