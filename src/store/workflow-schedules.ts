/**
 * Rows of schedules beside the triggers of versions.
 * Boundary: rows only. runtime/workflow-schedules.ts decides what callers change, runtime/fire-workflow-schedules.ts what firing does.
 * Invariant: firing moves a schedule on only from the slot, the time and the revision it was read with, so that of several replicas one
 * does it, and a change of a caller is not overwritten.
 */
import { and, count, eq } from "drizzle-orm";
import type { Statement, Tx } from "./database.ts";
import { workflowSchedules } from "./schema/starters.ts";

/** A schedule as it is stored. */
export type WorkflowScheduleRow = typeof workflowSchedules.$inferSelect;

/** A schedule by its id; "" is any workspace. */
export interface ScheduleKey {
  readonly id: string;
  readonly workspaceId: string;
}

/** A slot that was fired, as rows have it. */
export interface FiredSlot {
  /** RFC 3339. */
  readonly at: string;
  /** The run that it started; unset: none. */
  readonly run?: string;
  /** Why it started none. */
  readonly why?: string;
}

/** Where a schedule stands after it was fired. */
export interface SlotMove {
  readonly id: string;
  readonly revision: number;
  readonly slotAt: Date;
  readonly dueAt: Date;
  readonly newSlotAt: Date | null;
  readonly newDueAt: Date | null;
  readonly lastJson: string;
}

// Each row is looked up and locked by its id: without statistics the planner may read the whole table for a join.
const MOVE: Statement = {
  // What is not moved is not locked either: it would keep the replica that moves it from doing so.
  name: "move_workflow_schedules",
  text: `with free as (
      select s.id, v."newSlotAt", v."newDueAt", v."lastJson"
      from jsonb_to_recordset($1::jsonb) as v(id text, revision integer, "slotAt" timestamptz,
        "dueAt" timestamptz, "newSlotAt" timestamptz, "newDueAt" timestamptz, "lastJson" text)
      cross join lateral (
        select id from workflow_schedules o
        where o.id = v.id and o.revision = v.revision and o.slot_at = v."slotAt"
          and date_trunc('milliseconds', o.due_at) = v."dueAt" and not o.is_paused
        for update skip locked) as s
    )
    update workflow_schedules s
    set slot_at = free."newSlotAt", due_at = free."newDueAt", last_json = free."lastJson"
    from free where s.id = free.id
    returning s.id`,
};
const CLOCK: Statement = {
  name: "read_clock_for_schedules",
  text: "select date_trunc('milliseconds', clock_timestamp()) as at",
};
const LOCK_DEFINITION: Statement = {
  name: "lock_definition_for_schedules",
  text: "select 1 from workflow_definitions where id = $1 for update",
};

// It looks through the schedules of the workspace, once for all of these people: they leave now and then, and whole departments at once.
const PAUSE_OF_USERS: Statement = {
  name: "pause_schedules_of_users",
  text: `with v as materialized (
      select * from jsonb_to_recordset($1::jsonb) as v("userId" text, by text, reason text))
    update workflow_schedules s
    set is_paused = true, due_at = null, revision = s.revision + 1, changed_by = v.by, change_reason = v.reason
    from v
    where s.id = any(array(
        select id from workflow_schedules
        where workspace_id = $2 and run_as = $3 and run_as_subject = any($4::text[])
        for update))
      and v."userId" = s.run_as_subject and not (s.is_paused and s.change_reason = v.reason)
    returning s.id, s.definition_id as "definitionId", s.workspace_id as "workspaceId", v.by, v.reason,
      (select name from workflow_definitions where id = s.definition_id) as name`,
};

/** A person for whom no schedule is to start runs any more. */
export interface Leaver {
  readonly workspaceId: string;
  readonly userId: string;
  /** Who says so, and why; kept with the schedules. */
  readonly by: string;
  readonly reason: string;
}

/** A schedule that was paused, with its workflow. */
export interface PausedSchedule extends Omit<Leaver, "userId"> {
  readonly id: string;
  readonly definitionId: string;
  readonly name: string;
}

/**
 * Pauses what acts for these people of a workspace, `runAs` being the place of a person in a row. What is paused for another reason gets
 * this one: who resumes it is to see it. Gives what was changed.
 */
export function pauseSchedulesOfUsers(
  tx: Tx,
  workspaceId: string,
  leavers: readonly Leaver[],
  runAs: number,
): Promise<PausedSchedule[]> {
  const users = leavers.map(({ userId }) => userId);
  const values = [JSON.stringify(leavers), workspaceId, runAs, users];
  return tx.query<PausedSchedule>(PAUSE_OF_USERS, values);
}

/** The time by which slots are computed. */
export async function readScheduleClock(tx: Tx): Promise<Date> {
  const [row] = await tx.query<{ at: Date }>(CLOCK, []);
  if (row === undefined) throw new Error("the database gives no time");
  return row.at;
}

/**
 * How many schedules a definition has; its row is locked, so that the number stays until the transaction
 * ends. Undefined: the definition is gone.
 */
export async function countWorkflowSchedules(
  tx: Tx,
  definitionId: string,
): Promise<number | undefined> {
  const [locked] = await tx.query(LOCK_DEFINITION, [definitionId]);
  if (locked === undefined) return undefined;
  const [row] = await tx.build
    .select({ total: count() })
    .from(workflowSchedules)
    .where(eq(workflowSchedules.definitionId, definitionId));
  return row?.total ?? 0;
}

/** Stores a schedule. */
export async function insertWorkflowSchedule(tx: Tx, row: WorkflowScheduleRow): Promise<void> {
  await tx.build.insert(workflowSchedules).values(row);
}

/** A schedule that nobody else changes until the transaction ends; undefined: there is none. */
export async function lockWorkflowSchedule(
  tx: Tx,
  { id, workspaceId }: ScheduleKey,
): Promise<WorkflowScheduleRow | undefined> {
  const ofWorkspace =
    workspaceId === "" ? undefined : eq(workflowSchedules.workspaceId, workspaceId);
  const [row] = await tx.build
    .select()
    .from(workflowSchedules)
    .where(and(eq(workflowSchedules.id, id), ofWorkspace))
    .for("update");
  return row;
}

/** Stores a schedule that is locked, as its next revision. */
export async function saveWorkflowSchedule(
  tx: Tx,
  row: WorkflowScheduleRow,
): Promise<WorkflowScheduleRow> {
  const next = { ...row, revision: row.revision + 1 };
  await tx.build.update(workflowSchedules).set(next).where(eq(workflowSchedules.id, row.id));
  return next;
}

/** Deletes a schedule that is locked. */
export async function deleteWorkflowSchedule(tx: Tx, id: string): Promise<void> {
  await tx.build.delete(workflowSchedules).where(eq(workflowSchedules.id, id));
}

/** Moves schedules on; gives the ids of those that still stood where they were read. */
export async function moveWorkflowSchedules(
  tx: Tx,
  moves: readonly SlotMove[],
): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ id: string }>(MOVE, [JSON.stringify(moves)]);
  return new Set(rows.map(({ id }) => id));
}
