/**
 * Pauses the schedules that act for people who left.
 * Boundary: who left is judged in ingress/bus/leavers.ts. A schedule of a group or of the workspace acts for no person, and goes on.
 * Invariant: pause and events are one transaction of a workspace, so that nobody finds a schedule paused without a word why.
 */
import type { JsonObject } from "../engine/values/json.ts";
import type { Log } from "../process/log.ts";
import { appendChange } from "../store/changes.ts";
import type { Database } from "../store/database.ts";
import {
  type Leaver,
  type PausedSchedule,
  pauseSchedulesOfUsers,
  readScheduleClock,
} from "../store/workflow-schedules.ts";
import { workflowEvent } from "./definition-events.ts";
import { partitionOf } from "./partition.ts";
import { RUN_AS } from "./schedule-starts.ts";

export type { Leaver } from "../store/workflow-schedules.ts";

const USER = RUN_AS.indexOf("user");

/** Pauses what acts for these people, with an event of each workflow. */
export async function pauseForLeavers(
  { database, log }: { readonly database: Database; readonly log: Log },
  leavers: readonly Leaver[],
): Promise<void> {
  for (const [workspaceId, those] of byKey(leavers, (each) => each.workspaceId)) {
    const paused = await database.transaction(async (tx) => {
      const schedules = await pauseSchedulesOfUsers(tx, workspaceId, those, USER);
      if (schedules.length === 0) return 0;
      const at = await readScheduleClock(tx);
      await appendChange(tx, partitionOf(workspaceId), eventsOf(schedules, at));
      return schedules.length;
    });
    if (paused === 0) continue;
    const people = those.map(({ userId }) => userId);
    log.info("schedules of people who left were paused", { workspaceId, people, paused });
  }
}

function eventsOf(paused: readonly PausedSchedule[], at: Date): JsonObject[] {
  return [...byKey(paused, (each) => each.definitionId)].flatMap(([id, schedules]) => {
    const [first] = schedules;
    if (first === undefined) return [];
    const { workspaceId, name, by, reason } = first;
    const more = { schedule_ids: schedules.map((each) => each.id) };
    const of = `${first.id}-${at.getTime()}`;
    const change = { operation: "schedules_paused", of, at, by, reason, more } as const;
    return [workflowEvent({ id, workspaceId, name }, change)];
  });
}

function byKey<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
