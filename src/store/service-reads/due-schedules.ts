/**
 * Schedules whose slot has come by the database's clock.
 * Boundary: reads only. Nothing is claimed: a slot that two replicas start is one run, by its event id.
 */
import type { Queries, Statement } from "../database.ts";
import type { NewSchedule } from "../schedules.ts";

/** A schedule that is due. */
export interface DueSchedule extends NewSchedule {
  /** The first slot that was not fired. */
  readonly nextAt: Date;
  /** The database's time, at or after `nextAt`. */
  readonly readAt: Date;
  /** The definition is paused: the slot is missed. */
  readonly isPaused: boolean;
}

const FIND_DUE: Statement = {
  name: "find_due_schedules",
  text: `select definition_id as "definitionId", workspace_id as "workspaceId",
      version_id as "versionId", version, cron_line as "cronLine", anchor_at as "anchorAt",
      next_at as "nextAt", now() as "readAt",
      exists (select 1 from workflow_pauses p where p.definition_id = schedules.definition_id) as "isPaused"
    from schedules
    where next_at <= now() and definition_id <> all ($2::text[])
    order by next_at limit $1`,
};

/** Schedules that are due, at most `limit`, the longest due first, without those of some definitions. */
export function findDueSchedules(
  db: Queries,
  limit: number,
  without: readonly string[],
): Promise<DueSchedule[]> {
  return db.query<DueSchedule>(FIND_DUE, [limit, without]);
}
