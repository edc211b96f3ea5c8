/**
 * Deliveries to workflows of which nothing starts: an archived one refuses them, a paused one notes them as missed triggers.
 * Boundary: the state is that of the look-up by token. The commit looks as well, whether the workflow is archived.
 * Invariant: those of one moment are noted in one transaction, so that a pause under load takes two connections at most.
 */
import { randomUUID } from "node:crypto";
import { startKeyOf } from "../../../engine/values/environment.ts";
import { createGathered } from "../../../process/gathered.ts";
import { closedRefusal } from "../../../runtime/closed-refusals.ts";
import type { EndpointOfToken } from "../../../runtime/endpoints.ts";
import { keepMissed, type MissedStart } from "../../../runtime/missed-triggers.ts";
import type { Database } from "../../../store/database.ts";
import { hasStartedRun } from "../../../store/reads/started-runs.ts";

/** Whether a delivery was noted and starts nothing now. Refuses archived, but for the repeat of one that has started a run. */
export type HoldDelivery = (endpoint: EndpointOfToken, delivery: MissedStart) => Promise<boolean>;

/** Holds deliveries of all endpoints. */
export function createHold(database: Database): HoldDelivery {
  const { callers } = database;
  const keep = createGathered(async (deliveries: readonly MissedStart[]) => {
    const missed = await keepMissed({ database }, deliveries);
    return deliveries.map(({ start }) => missed.has(start));
  });
  return async ({ definition, visibility }, { start, cause }) => {
    const { id, isArchived, pauseReason } = definition;
    const { triggerEventId, environment } = start;
    if (isArchived) {
      const isRepeat =
        triggerEventId !== "" &&
        (await hasStartedRun(callers, visibility, id, startKeyOf(environment, triggerEventId)));
      if (!isRepeat) throw closedRefusal(id, "archived");
      return false;
    }
    if (pauseReason === null) return false;
    // Each delivery without an id is one of its own.
    return keep({ start: { ...start, triggerEventId: triggerEventId || randomUUID() }, cause });
  };
}
