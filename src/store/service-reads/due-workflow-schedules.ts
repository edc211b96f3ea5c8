/**
 * Schedules beside the triggers of versions that are due by the database's clock, and which of their runs are open.
 * Boundary: reads only. Nothing is claimed: a slot that two replicas start is one run, by its event id.
 */
import { selectList } from "../columns.ts";
import type { Queries, Statement } from "../database.ts";
import { workflowSchedules } from "../schema/starters.ts";
import type { WorkflowScheduleRow } from "../workflow-schedules.ts";
import { deployedVersion } from "./deployed-version.ts";

/** A schedule that is due, with what it starts. */
export type DueWorkflowSchedule = WorkflowScheduleRow & {
  readonly slotAt: Date;
  readonly dueAt: Date;
  /** The version that is deployed in its environment; null: none is, or there is no such definition. */
  readonly versionId: string | null;
  readonly version: number;
  /** The workflow is paused: the slot is missed. Null: it is not, as for the next one. */
  readonly isMissed: true | null;
  /** The workflow is archived: the slot starts nothing. */
  readonly isArchived: true | null;
  /** The database's time, at or after `dueAt`. */
  readonly readAt: Date;
};

const FIND_DUE: Statement = {
  name: "find_due_workflow_schedules",
  text: `select ${selectList(workflowSchedules, "s")}, v.id as "versionId",
      coalesce(v.version, 0) as version, now() as "readAt",
      (select true from workflow_pauses p where p.definition_id = s.definition_id) as "isMissed",
      (select true from closed_workflows c where c.definition_id = s.definition_id) as "isArchived"
    from workflow_schedules s left join workflow_definitions d on d.id = s.definition_id
    ${deployedVersion("s.environment")}
    where s.due_at <= now() and s.slot_at is not null and s.id <> all ($2::text[])
    order by s.due_at limit $1`,
};

const FIND_OPEN: Statement = {
  name: "find_open_runs_of_slots",
  text: "select id from workflow_runs where id = any($1::text[]) and completed_at is null",
};

/** Schedules that are due, at most `limit`, the longest due first, without those of these ids. */
export function findDueWorkflowSchedules(
  db: Queries,
  limit: number,
  without: readonly string[],
): Promise<DueWorkflowSchedule[]> {
  return db.query<{ [Key in keyof DueWorkflowSchedule]: DueWorkflowSchedule[Key] }>(FIND_DUE, [
    limit,
    without,
  ]);
}

/** Those of these runs that have not ended. */
export async function findOpenRuns(
  db: Queries,
  runIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (runIds.length === 0) return new Set();
  const rows = await db.query<{ id: string }>(FIND_OPEN, [runIds]);
  return new Set(rows.map(({ id }) => id));
}
