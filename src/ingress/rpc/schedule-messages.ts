/** Schedules as messages. Boundary: rows to workflows.ops.v1.Schedule; the next slots are computed for each answer. */
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RunAsScope, ScheduleOverlap } from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { readCronLine } from "../../engine/values/cron.ts";
import {
  OVERLAPS,
  type Overlap,
  type SlotTimes,
  slotsBetween,
} from "../../runtime/schedule-slots.ts";
import { RUN_AS, timesOf } from "../../runtime/schedule-starts.ts";
import { etagOf, type WorkflowScheduleRow } from "../../runtime/workflow-schedules.ts";
import type { TriggerScheduleRow } from "../../store/reads/workflow-schedules.ts";
import { wordsOf } from "./schedule-words.ts";

const NEXT_SLOTS = 5;
const TRIGGER = "trigger:";
const SCOPES = {
  unspecified: RunAsScope.UNSPECIFIED,
  user: RunAsScope.USER,
  org: RunAsScope.ORG,
  agent: RunAsScope.AGENT,
  group: RunAsScope.GROUP,
} as const;

const OVERLAP_NUMBERS: Readonly<Record<Overlap, ScheduleOverlap>> = {
  allow: ScheduleOverlap.ALLOW,
  skip: ScheduleOverlap.SKIP,
  buffer_one: ScheduleOverlap.BUFFER_ONE,
  buffer_all: ScheduleOverlap.BUFFER_ALL,
  cancel_other: ScheduleOverlap.CANCEL_OTHER,
};

/** The id by which the trigger of a definition is shown. */
export function triggerIdOf(definitionId: string): string {
  return `${TRIGGER}${definitionId}`;
}

/** The definition whose trigger has this id; undefined: it is no trigger's. */
export function definitionOfTrigger(id: string): string | undefined {
  return id.startsWith(TRIGGER) ? id.slice(TRIGGER.length) : undefined;
}

/** workflows.ops.v1.Schedule */
export function scheduleMessage(row: WorkflowScheduleRow) {
  const { id, workspaceId, definitionId, environment, isPaused: paused } = row;
  const { changedBy, changeReason, lastJson, createdAt, slotAt } = row;
  const last: { at: string; run?: string; why?: string }[] = JSON.parse(lastJson);
  return {
    ...{ id, workspaceId, definitionId, environment, paused, changedBy, changeReason },
    ...{ spec: specOf(row), words: wordsOf(row.line, row.zone), readOnly: false },
    last: last.map(({ at, run = "", why = "" }) => ({
      ...{ at: timestampFromMs(Date.parse(at)), runId: run, skipped: why },
    })),
    next: paused ? [] : nextOf(timesOf(row), slotAt),
    etag: etagOf(row),
    createdAt: timestampFromDate(createdAt),
  };
}

/** workflows.ops.v1.Schedule of a version's trigger. */
export function triggerMessage(row: TriggerScheduleRow) {
  const { definitionId, workspaceId, cronLine, anchorAt, nextAt, version } = row;
  const read = readCronLine(cronLine);
  const times = read.ok && {
    ...{ line: read.line, anchorMs: anchorAt.getTime(), toMs: Number.POSITIVE_INFINITY },
  };
  return {
    ...{ id: triggerIdOf(definitionId), workspaceId, definitionId },
    ...{ environment: "production", readOnly: true, etag: String(version) },
    ...{ spec: { line: cronLine }, words: wordsOf(cronLine, "") },
    next: times === false ? [] : nextOf(times, nextAt),
    createdAt: timestampFromDate(anchorAt),
  };
}

function specOf(row: WorkflowScheduleRow) {
  const { name, line, zone, overlap, catchUpSeconds, jitterSeconds, fromAt, toAt } = row;
  return {
    ...{ name, line, zone, jitterSeconds },
    overlap: OVERLAP_NUMBERS[OVERLAPS[overlap] ?? "allow"],
    ...(catchUpSeconds === null ? {} : { catchUpSeconds }),
    ...(fromAt === null ? {} : { from: timestampFromDate(fromAt) }),
    ...(toAt === null ? {} : { to: timestampFromDate(toAt) }),
    input: JSON.parse(row.inputJson),
    runAs: { scope: SCOPES[RUN_AS[row.runAs] ?? "unspecified"], subject: row.runAsSubject },
  };
}

function nextOf(times: SlotTimes, slotAt: Date | null) {
  if (slotAt === null) return [];
  return slotsBetween(times, slotAt.getTime(), Number.POSITIVE_INFINITY, NEXT_SLOTS).map((ms) =>
    timestampFromMs(ms),
  );
}
