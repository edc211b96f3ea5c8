/**
 * What a stored schedule means: its slots, where it stands, and the runs that it starts.
 * Boundary: pure; workflow-schedules.ts and fire-workflow-schedules.ts store and submit.
 */
import { type CronLine, readCronLine, slotText } from "../engine/values/cron.ts";
import { withZone } from "../engine/values/cron-presets.ts";
import { findEnvironment } from "../engine/values/environment.ts";
import type { Cause } from "../engine/values/input.ts";
import type { WorkflowScheduleRow } from "../store/workflow-schedules.ts";
import { delayOf, type SlotTimes } from "./schedule-slots.ts";
import type { RunStart } from "./submission.ts";

/** On whose behalf runs are started; rows have their places. */
export const RUN_AS = ["unspecified", "user", "org", "agent", "group"] as const;

/** What a start has to know of its schedule. */
type StartedSchedule = Pick<
  WorkflowScheduleRow,
  "id" | "workspaceId" | "definitionId" | "environment" | "inputJson" | "runAs" | "runAsSubject"
>;

/** A version of it that runs. */
export interface StartedVersion {
  readonly id: string;
  readonly number: number;
}

/** A run that is to be started. */
interface WantedRun {
  readonly start: RunStart;
  readonly cause: Cause;
}

/** When a schedule has slots. */
export function timesOf(
  row: Pick<WorkflowScheduleRow, "line" | "zone" | "anchorAt" | "toAt">,
): SlotTimes {
  return {
    line: requireLine(row),
    anchorMs: row.anchorAt.getTime(),
    toMs: row.toAt?.getTime() ?? Number.POSITIVE_INFINITY,
  };
}

/** Where a schedule stands whose next slot is this one. */
export function standingAt(
  { id, jitterSeconds }: Pick<WorkflowScheduleRow, "id" | "jitterSeconds">,
  slotMs: number | undefined,
  isPaused: boolean,
): { slotAt: Date | null; dueAt: Date | null } {
  if (slotMs === undefined) return { slotAt: null, dueAt: null };
  const dueAt = isPaused ? null : new Date(slotMs + delayOf(id, jitterSeconds));
  return { slotAt: new Date(slotMs), dueAt };
}

/** The start of a slot's run, which is one however often it is asked for. */
export function startOfSlot(
  row: StartedSchedule,
  slotMs: number,
  version: StartedVersion,
): WantedRun {
  const slot = slotText(slotMs);
  return startOf(row, slot, `schedule:${row.id}:${slot}`, version);
}

/** The start of a run at a caller's wish; `unique` tells the wishes apart. */
export function startOfWish(
  row: StartedSchedule,
  now: Date,
  unique: string,
  version: StartedVersion,
): WantedRun {
  const at = slotText(Math.floor(now.getTime() / 1_000) * 1_000);
  return startOf(row, at, `run-now:${row.id}:${unique}`, version);
}

function startOf(
  schedule: StartedSchedule,
  at: string,
  triggerEventId: string,
  version: StartedVersion,
): WantedRun {
  const { id, workspaceId, definitionId, inputJson, runAs, runAsSubject } = schedule;
  const environment = findEnvironment(schedule.environment);
  const as = RUN_AS[runAs];
  const cause: Cause = { kind: "timer", id: "schedule", by: `schedule:${id}` };
  const start: RunStart = {
    ...{ definitionId, workspaceId, versionId: version.id, definitionVersion: version.number },
    ...{ triggerType: "SCHEDULE", triggerEventId, triggerSource: "workflows" },
    initiatorUserId: as === "group" ? `group:${runAsSubject}` : as === "user" ? runAsSubject : "",
    initiatorAgentId: as === "agent" ? runAsSubject : "",
    ...{ parentRunId: "", entityId: "", entityType: "", hops: 0 },
    ...(environment === undefined ? {} : { environment }),
    input: { scheduled_at: at, ...JSON.parse(inputJson) },
  };
  return { start, cause };
}

function requireLine({ line, zone }: Pick<WorkflowScheduleRow, "line" | "zone">): CronLine {
  const read = readCronLine(withZone(line, zone));
  if (!read.ok) throw new Error(`the stored cron line ${read.problem}`);
  return read.line;
}
