/**
 * What the open steps of one run wait for, besides their rows: calls, child runs, notes of the history, messages put aside.
 * Boundary: committed state. Each statement reads by key, and no more rows than it says.
 */
import type { CallKind } from "../../engine/values/call.ts";
import type { RunState } from "../../engine/values/run.ts";
import type { Queries } from "../database.ts";
import { type HistoryRow, type PackedRow, RUN_ITSELF, unpackRow } from "../packed-moves.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** A call without a result. */
export interface OpenCall {
  readonly callId: string;
  readonly stepIndex: number;
  readonly attempt: number;
  readonly kind: CallKind;
  readonly createdAt: Date;
}

/** A child run that has not ended, or whose compensation has not. */
export interface OpenChild {
  readonly stepIndex: number;
  readonly runId: string;
  /** Null: the run is not known, or is deleted. */
  readonly state: RunState | null;
}

/** A row of the history in which the run itself moved, or a call of one of the steps ended. */
export interface RunNote extends HistoryRow {
  readonly recordedAt: Date;
}

/** A message that was put aside and holds one of the ids. */
export interface NamingLetter {
  /** The id. */
  readonly names: string;
  readonly stream: string;
  readonly streamSeq: number;
  readonly reason: string;
  readonly createdAt: Date;
}

/** Whom an open item of the Inbox asks. */
export interface ItemAssignee {
  readonly stepIndex: number;
  readonly place: number;
  /** After a delegation another one than the step names; "" when no person is named. */
  readonly assignee: string;
}

type CallRow = { readonly now: Date } & (OpenCall | { readonly callId: null });

const CALLS_AT_MOST = 1_000;
/** Child runs of all steps of a run that findOpenChildren gives. */
export const OPEN_CHILDREN_AT_MOST = 200;
const ITEMS_AT_MOST = 200;
const HISTORY_ROWS = 1_000;
const NOTES_AT_MOST = 200;
const LETTERS_AT_MOST = 100;
const LETTER_BYTES = 16_384;
const CALL_CAUSE = 3;

const OF_RUN = "exists (select 1 from workflow_runs r where r.id = $1 and r.workspace_id = ";

// Ids of calls are sorted by bytes: those of a run stand between its id with `/` and with `0`, the next byte.
// The clock comes with them, so that a run without calls has a row too.
const CALLS = seenWithin(
  "find_calls_of_run",
  (condition) => `select clock_timestamp() as now, c.* from (select 1) as one
    left join lateral (
      select e.id as "callId", e.step_index as "stepIndex", e.attempt, e.kind,
        e.created_at as "createdAt"
      from effects e
      where e.id >= $1::text || '/' and e.id < $1::text || '0' and ${condition}
      order by e.id limit ${CALLS_AT_MOST}) as c on true`,
  "e.workspace_id = $2",
);
const CHILDREN = seenWithin(
  "find_open_children",
  (condition) => `select c.step_index as "stepIndex", c.child_run_id as "runId", r.state
    from (
      select step_index, child_run_id from child_runs
      where run_id = $1 and child_run_id is not null and state in ('open', 'undoing', 'stuck')
      order by step_index, attempt, child_index limit ${OPEN_CHILDREN_AT_MOST}) as c
    left join workflow_runs r on r.id = c.child_run_id
    where ${condition}`,
  `${OF_RUN}$2)`,
);
const ASSIGNEES = seenWithin(
  "find_item_assignees",
  (condition) => `select i.step_index as "stepIndex", i.place, i.assignee from inbox_items i
    where i.run_id = $1 and ${condition}
    order by i.step_index, i.place limit ${ITEMS_AT_MOST}`,
  // By its run's workspace: with that of the items a planner without statistics reads all items of the workspace.
  `${OF_RUN}$2)`,
);
const NOTES = seenWithin(
  "find_run_notes",
  (condition) => `select m.recorded_at as "recordedAt", m.cause, m.moves
    from (
      select seq, recorded_at, cause, moves from run_moves
      where run_id = $1 order by seq desc limit ${HISTORY_ROWS}) as m
    where (exists (
        select 1 from json_array_elements(m.moves) as move where (move->0)::text = '${RUN_ITSELF}')
      or (m.cause->>0 = '${CALL_CAUSE}' and split_part(m.cause->>1, '/', 2) = any($2::text[])))
      and ${condition}
    order by m.seq desc limit ${NOTES_AT_MOST}`,
  `${OF_RUN}$3)`,
);
const LETTERS = seenWithin(
  "find_naming_letters",
  (
    condition,
  ) => `select w.names, d.stream, d.stream_seq as "streamSeq", d.reason, d.created_at as "createdAt"
    from (
      select stream, stream_seq, reason, created_at,
        substring(data for ${LETTER_BYTES}) as data from dead_letters
      where created_at >= $2 order by created_at desc limit ${LETTERS_AT_MOST}) as d
    join unnest($3::text[]) as w(names) on position(convert_to(w.names, 'UTF8') in d.data) > 0
    where $1::text <> '' and ${condition}
    order by d.created_at`,
  `${OF_RUN}$4)`,
);

/** Calls of the run that have no result, 1,000 at most, and the database's clock. */
export async function findCallsOfRun(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<{ calls: OpenCall[]; now: Date }> {
  const rows = await querySeen<CallRow>(db, visibility, CALLS, [runId]);
  const now = rows[0]?.now;
  if (now === undefined) throw new Error("the database does not tell its time");
  const calls = rows.flatMap(({ now: _, ...call }) => (call.callId === null ? [] : [call]));
  return { calls, now };
}

/** Child runs of the run that are open, OPEN_CHILDREN_AT_MOST of them. */
export function findOpenChildren(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<OpenChild[]> {
  return querySeen<OpenChild>(db, visibility, CHILDREN, [runId]);
}

/** Whom the open items of the run ask now, ITEMS_AT_MOST of them. */
export function findItemAssignees(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<ItemAssignee[]> {
  return querySeen<ItemAssignee>(db, visibility, ASSIGNEES, [runId]);
}

/** Of the newest 1,000 rows of the run's history those in which the run moved or a call of these steps ended; newest first. */
export async function findRunNotes(
  db: Queries,
  visibility: Visibility,
  runId: string,
  stepIds: readonly string[],
): Promise<RunNote[]> {
  const rows = await querySeen<{ recordedAt: Date } & PackedRow>(db, visibility, NOTES, [
    runId,
    stepIds,
  ]);
  return rows.map((row) => ({ recordedAt: row.recordedAt, ...unpackRow(runId, row) }));
}

/** Of the newest 100 messages that were put aside since a time those whose first 16 KiB hold one of the ids; oldest first. */
export function findNamingLetters(
  db: Queries,
  visibility: Visibility,
  runId: string,
  since: Date,
  ids: readonly string[],
): Promise<NamingLetter[]> {
  return querySeen<NamingLetter>(db, visibility, LETTERS, [runId, since, ids]);
}
