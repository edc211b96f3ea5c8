/**
 * Runs that an event started, whichever version of their definition listened then.
 * Boundary: committed state. A source is not asked for: who names none means the event of that id, whatever its source.
 */
import type { TriggerType } from "../../engine/values/definition.ts";
import type { Queries, Statement } from "../database.ts";
import { sees, type Visibility } from "./visibility.ts";

const FIND: Statement = {
  name: "find_started_runs",
  text: `select r.id from run_starts s join workflow_runs r on r.id = s.run_id
    where s.workspace_id = $1 and s.event_id = $2 and r.trigger_type = $3
    order by r.id`,
};

const HAS_STARTED: Statement = {
  name: "has_started_run",
  text: `select workspace_id as "workspaceId" from run_starts where definition_id = $1 and event_id = $2 limit 1`,
};

/** Whether the event of this id, as starts are unique by it (startKeyOf), has started a run of the definition. */
export async function hasStartedRun(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
  eventId: string,
): Promise<boolean> {
  const [row] = await db.query<{ workspaceId: string }>(HAS_STARTED, [definitionId, eventId]);
  return row !== undefined && sees(visibility, row.workspaceId);
}

/** Ids of the runs that triggers of this type started for the event, oldest first. */
export async function findStartedRuns(
  db: Queries,
  visibility: Visibility,
  { workspaceId, id }: { readonly workspaceId: string; readonly id: string },
  triggerType: TriggerType,
): Promise<string[]> {
  if (!sees(visibility, workspaceId)) return [];
  const rows = await db.query<{ id: string }>(FIND, [workspaceId, id, triggerType]);
  return rows.map((row) => row.id);
}
