/** Schedules as callers see them: those beside the triggers of versions, and the triggers. Boundary: rows as they are stored. */
import { and, asc, count, eq, gt, type SQL } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Queries } from "../database.ts";
import { schedules } from "../schema/definitions.ts";
import { workflowSchedules } from "../schema/starters.ts";
import type { WorkflowScheduleRow } from "../workflow-schedules.ts";
import { COUNT_LIMIT } from "./page.ts";
import { seenBy, type Visibility } from "./visibility.ts";

/** The SCHEDULE trigger of a latest version. */
export type TriggerScheduleRow = typeof schedules.$inferSelect;

/** Which schedules; an empty definition id takes all of the workspace. */
export interface ScheduleFilters {
  readonly workspaceId: string;
  readonly definitionId: string;
}

/** Rows behind an id, at most so many. */
interface ScheduleRange {
  readonly after: string;
  readonly limit: number;
}

/** One schedule; undefined: the call sees none. */
export async function findWorkflowSchedule(
  db: Queries,
  visibility: Visibility,
  id: string,
): Promise<WorkflowScheduleRow | undefined> {
  const seen = seenBy(visibility, workflowSchedules.workspaceId);
  const [row] = await db.build
    .select()
    .from(workflowSchedules)
    .where(and(eq(workflowSchedules.id, id), seen));
  return row;
}

/** The trigger of a definition; undefined: its latest version has none, or the call does not see it. */
export async function findTriggerSchedule(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
): Promise<TriggerScheduleRow | undefined> {
  const seen = seenBy(visibility, schedules.workspaceId);
  const [row] = await db.build
    .select()
    .from(schedules)
    .where(and(eq(schedules.definitionId, definitionId), seen));
  return row;
}

/** In the order of ids. */
export function listWorkflowSchedules(
  db: Queries,
  visibility: Visibility,
  filters: ScheduleFilters,
  { after, limit }: ScheduleRange,
): Promise<WorkflowScheduleRow[]> {
  return db.build
    .select()
    .from(workflowSchedules)
    .where(and(wanted(workflowSchedules, visibility, filters), gt(workflowSchedules.id, after)))
    .orderBy(asc(workflowSchedules.id))
    .limit(limit);
}

/** In the order of the ids of definitions, behind which `after` is one. */
export function listTriggerSchedules(
  db: Queries,
  visibility: Visibility,
  filters: ScheduleFilters,
  { after, limit }: ScheduleRange,
): Promise<TriggerScheduleRow[]> {
  return db.build
    .select()
    .from(schedules)
    .where(and(wanted(schedules, visibility, filters), gt(schedules.definitionId, after)))
    .orderBy(asc(schedules.definitionId))
    .limit(limit);
}

/** How many of both kinds there are, exact to 10,000 of each. */
export async function countSchedules(
  db: Queries,
  visibility: Visibility,
  filters: ScheduleFilters,
): Promise<number> {
  const [own, triggers] = await Promise.all([
    countUpTo(db, workflowSchedules, wanted(workflowSchedules, visibility, filters)),
    countUpTo(db, schedules, wanted(schedules, visibility, filters)),
  ]);
  return own + triggers;
}

async function countUpTo(
  db: Queries,
  table: PgTable & { readonly definitionId: PgColumn },
  where: SQL | undefined,
): Promise<number> {
  const some = db.build
    .select({ id: table.definitionId })
    .from(table)
    .where(where)
    .limit(COUNT_LIMIT)
    .as("some");
  const [row] = await db.build.select({ total: count() }).from(some);
  return row?.total ?? 0;
}

function wanted(
  table: { readonly workspaceId: PgColumn; readonly definitionId: PgColumn },
  visibility: Visibility,
  { workspaceId, definitionId }: ScheduleFilters,
): SQL | undefined {
  return and(
    eq(table.workspaceId, workspaceId),
    definitionId === "" ? undefined : eq(table.definitionId, definitionId),
    seenBy(visibility, table.workspaceId),
  );
}
