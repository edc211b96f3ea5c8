/**
 * The RPCs of Schedules that start runs at a caller's wish, and the one that shows times: RunNow, Backfill, Preview.
 * Boundary: requests and answers; a slot is one run however often it is asked for (runtime/schedule-starts.ts).
 */
import { randomUUID } from "node:crypto";
import { timestampDate, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type SchedulesBackfillRequest,
  SchedulesBackfillRequestSchema,
  type SchedulesPreviewRequest,
  SchedulesPreviewRequestSchema,
  type SchedulesRunNowRequest,
  SchedulesRunNowRequestSchema,
} from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import { readCronLine } from "../../engine/values/cron.ts";
import { withoutPreset, withZone } from "../../engine/values/cron-presets.ts";
import { closedRefusal, unpublishedRefusal } from "../../runtime/closed-refusals.ts";
import { pausedRefusal } from "../../runtime/pauses.ts";
import { slotsBetween } from "../../runtime/schedule-slots.ts";
import {
  type StartedVersion,
  startOfSlot,
  startOfWish,
  timesOf,
} from "../../runtime/schedule-starts.ts";
import { undeployedWords } from "../../runtime/starter-environment.ts";
import type { WorkflowScheduleRow } from "../../runtime/workflow-schedules.ts";
import { requireHeadIn } from "./environment-heads.ts";
import { checkFields, type Faults, invalidFields } from "./fields.ts";
import { causeOf } from "./lifecycle.ts";
import { lineFaults } from "./schedule-specs.ts";
import { wordsOf } from "./schedule-words.ts";
import { requireSchedule } from "./schedules.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const SLOTS_AT_MOST = 1_000;
const TIMES = { unset: 5, most: 100 };

/** RunNow: a run of the schedule's input, by the caller. */
export async function answerRunNow(deps: WriteDeps, request: SchedulesRunNowRequest) {
  const { id, reason } = request;
  const faults = checkFields(SchedulesRunNowRequestSchema, request);
  faults.require("id", id);
  faults.refuseIfAny();
  const row = await requireSchedule(deps, id);
  const version = await requireVersion(deps, row);
  const unique = deps.write.repeatableId ?? randomUUID();
  const { start } = startOfWish(row, new Date(), unique, version);
  const { runId } = await deps.write.start(start, { ...causeOf(deps, "RunNow"), reason });
  return { runId };
}

/** Backfill: a run for each slot of a time that is over. */
export async function answerBackfill(deps: WriteDeps, request: SchedulesBackfillRequest) {
  const { id, reason } = request;
  const faults = checkFields(SchedulesBackfillRequestSchema, request);
  faults.require("id", id);
  const { fromMs, toMs } = readRange(request, faults);
  faults.refuseIfAny();
  const row = await requireSchedule(deps, id);
  const slots = slotsBetween(timesOf(row), fromMs, toMs, SLOTS_AT_MOST + 1);
  const extra = slots[SLOTS_AT_MOST];
  if (extra !== undefined) {
    const end = new Date(extra).toISOString();
    const description = `has more than ${SLOTS_AT_MOST} slots before it; ask up to ${end}, then from there`;
    throw invalidFields([{ field: "to", description }]);
  }
  const version = await requireVersion(deps, row);
  const starts = slots.map((slotMs) => startOfSlot(row, slotMs, version).start);
  const cause = { ...causeOf(deps, "Backfill"), reason };
  const settled = await deps.write.starters.startSlots(starts, cause);
  return {
    runIds: settled.map(({ runId }) => runId),
    started: settled.filter(({ created }) => created).length,
  };
}

/** Preview: a line in words and times. */
export async function answerPreview(_deps: ReadDeps, request: SchedulesPreviewRequest) {
  const { zone, after, count } = request;
  const line = withoutPreset(request.line);
  const faults = checkFields(SchedulesPreviewRequestSchema, request);
  if (count < 0 || count > TIMES.most) {
    faults.add(
      "count",
      `is ${count}; it must be 0 (the default of ${TIMES.unset}) to ${TIMES.most}`,
    );
  }
  faults.list.push(...lineFaults(line, zone, ""));
  faults.refuseIfAny();
  const whole = withZone(line, zone);
  const read = readCronLine(whole);
  if (!read.ok) throw invalidFields([{ field: "line", description: read.problem }]);
  const afterMs = (after === undefined ? new Date() : timestampDate(after)).getTime();
  const times = { line: read.line, anchorMs: afterMs, toMs: Number.POSITIVE_INFINITY };
  const found = slotsBetween(times, afterMs + 1, Number.POSITIVE_INFINITY, count || TIMES.unset);
  return { words: wordsOf(line, zone), times: found.map((ms) => timestampFromMs(ms)), line: whole };
}

/** A time that is over; what is wrong with it is added to the faults. */
function readRange({ from, to }: SchedulesBackfillRequest, faults: Faults) {
  const fromMs = from === undefined ? Number.NaN : timestampMs(from);
  const toMs = to === undefined ? Number.NaN : timestampMs(to);
  if (from === undefined) faults.add("from", "is required");
  if (to === undefined) faults.add("to", "is required");
  else if (toMs > Date.now()) faults.add("to", "is in the future");
  else if (fromMs >= toMs) faults.add("to", "is not behind from");
  return { fromMs, toMs };
}

/** The version that starts. Refuses archived, workflow_paused and nothing_published. */
async function requireVersion(
  deps: ReadDeps,
  { definitionId, environment }: WorkflowScheduleRow,
): Promise<StartedVersion> {
  const head = await requireHeadIn(deps, definitionId, environment);
  const { latestVersionId: id, latestVersion: number, isArchived, pauseReason } = head;
  if (isArchived) throw closedRefusal(definitionId, "archived");
  if (pauseReason !== null) throw pausedRefusal(definitionId, pauseReason);
  if (id !== null) return { id, number };
  throw unpublishedRefusal(definitionId, undeployedWords(environment));
}
