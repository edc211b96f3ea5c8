/**
 * Deliveries to workflows of which nothing starts: an archived one refuses them, a paused one notes them as missed triggers.
 * Boundary: the state is that of the look-up by token. The commit looks as well, whether the workflow is archived.
 */
import { randomUUID } from "node:crypto";
import { closedRefusal } from "../../../runtime/closed-refusals.ts";
import type { EndpointOfToken } from "../../../runtime/endpoints.ts";
import { keepMissed, type MissedStart } from "../../../runtime/missed-triggers.ts";
import type { Database } from "../../../store/database.ts";
import { hasStartedRun } from "../../../store/reads/started-runs.ts";

/** Whether the delivery was noted and starts nothing now. Refuses archived, but for the repeat of one that has started a run. */
export async function isHeld(
  database: Database,
  { definition, visibility }: EndpointOfToken,
  { start, cause }: MissedStart,
): Promise<boolean> {
  const { id, isArchived, pauseReason } = definition;
  const { triggerEventId } = start;
  if (isArchived) {
    const isRepeat =
      triggerEventId !== "" &&
      (await hasStartedRun(database.callers, visibility, id, triggerEventId));
    if (!isRepeat) throw closedRefusal(id, "archived");
    return false;
  }
  if (pauseReason === null) return false;
  // Each delivery without an id is one of its own.
  const noted = { ...start, triggerEventId: triggerEventId || randomUUID() };
  return (await keepMissed({ database }, [{ start: noted, cause }])).size > 0;
}
