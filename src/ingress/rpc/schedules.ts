/**
 * The RPCs of Schedules that change and read schedules.
 * Boundary: requests and answers; what starts runs at a caller's wish is schedule-runs.ts, slots are runtime/schedule-slots.ts.
 */
import { create } from "@bufbuild/protobuf";
import {
  ScheduleSpecSchema,
  type SchedulesCreateRequest,
  SchedulesCreateRequestSchema,
  type SchedulesDeleteRequest,
  SchedulesDeleteRequestSchema,
  type SchedulesGetRequest,
  SchedulesGetRequestSchema,
  type SchedulesListRequest,
  SchedulesListRequestSchema,
  type SchedulesPauseRequest,
  SchedulesPauseRequestSchema,
  type SchedulesResumeRequest,
  SchedulesResumeRequestSchema,
  type SchedulesUpdateRequest,
  SchedulesUpdateRequestSchema,
} from "../../../gen/workflows/ops/v1/schedules_pb.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import {
  contentOf,
  type ScheduleChange,
  unknownSchedule,
  type WorkflowScheduleRow,
} from "../../runtime/workflow-schedules.ts";
import type { DefinitionHead } from "../../store/reads/definition-heads.ts";
import {
  countSchedules,
  findTriggerSchedule,
  findWorkflowSchedule,
  listTriggerSchedules,
  listWorkflowSchedules,
  type ScheduleFilters,
} from "../../store/reads/workflow-schedules.ts";
import { recordedActor } from "./actor.ts";
import { requireHeadIn } from "./environment-heads.ts";
import { checkFields, type Faults, invalidFields, readPageSize } from "./fields.ts";
import { idTokenOf, readIdToken } from "./id-pages.ts";
import { findInputFaults } from "./input-schema.ts";
import {
  definitionOfTrigger,
  scheduleMessage,
  triggerIdOf,
  triggerMessage,
} from "./schedule-messages.ts";
import {
  allowed,
  EMPTY_CONTENT,
  readRunAs,
  requireContent,
  SPEC_FIELDS,
  withSpec,
} from "./schedule-specs.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

/** Some slot: the schema of an input may ask for its form. */
const SOME_SLOT = "2026-01-01T00:00:00Z";

/** Create. */
export async function answerCreateSchedule(deps: WriteDeps, request: SchedulesCreateRequest) {
  const { definitionId, environment, paused, reason } = request;
  const { spec = create(ScheduleSpecSchema) } = request;
  const faults = checkFields(SchedulesCreateRequestSchema, request);
  faults.require("definition_id", definitionId);
  if (request.spec === undefined) faults.add("spec", "is required");
  faults.refuseIfAny();
  const content = withSpec(EMPTY_CONTENT, spec, readRunAs(deps, spec), new Set(SPEC_FIELDS));
  requireContent(content, Date.now());
  const head = await requireHeadIn(deps, definitionId, environment);
  requireInput(head, content.input);
  const row = await deps.write.starters.createSchedule(
    {
      ...content,
      ...{ workspaceId: head.workspaceId, definitionId, environment, isPaused: paused },
    },
    changeOf(deps, reason),
  );
  return { schedule: scheduleMessage(row) };
}

/** Update. */
export async function answerUpdateSchedule(deps: WriteDeps, request: SchedulesUpdateRequest) {
  const { id, etag, updateMask, reason, spec = create(ScheduleSpecSchema) } = request;
  const faults = checkFields(SchedulesUpdateRequestSchema, request);
  faults.require("id", id);
  checkMask(updateMask, faults);
  faults.refuseIfAny();
  const row = await requireSchedule(deps, id);
  allowed(deps, contentOf(row));
  const fields = new Set(updateMask);
  const runsAs = fields.has("run_as") ? readRunAs(deps, spec) : contentOf(row);
  if (fields.has("input")) {
    const head = await requireHeadIn(deps, row.definitionId, row.environment);
    requireInput(head, spec.input ?? {});
  }
  const updated = await deps.write.starters.updateSchedule(
    id,
    changeOf(deps, reason, etag),
    (content) => {
      // Of the schedule as it is now: another caller may have given it to somebody else.
      allowed(deps, content);
      const next = withSpec(content, spec, runsAs, fields);
      requireContent(next, Date.now());
      return next;
    },
  );
  return { schedule: scheduleMessage(updated) };
}

/** Delete. */
export async function answerDeleteSchedule(deps: WriteDeps, request: SchedulesDeleteRequest) {
  const { id, etag, reason } = request;
  requireId(checkFields(SchedulesDeleteRequestSchema, request), id);
  const row = await requireSchedule(deps, id);
  allowed(deps, contentOf(row));
  await deps.write.starters.deleteSchedule(id, changeOf(deps, reason, etag));
  return {};
}

/** Pause. */
export async function answerPauseSchedule(deps: WriteDeps, request: SchedulesPauseRequest) {
  const { id, reason } = request;
  requireId(checkFields(SchedulesPauseRequestSchema, request), id);
  await requireSchedule(deps, id);
  const row = await deps.write.starters.pauseSchedule(id, changeOf(deps, reason));
  return { schedule: scheduleMessage(row) };
}

/** Resume. */
export async function answerResumeSchedule(deps: WriteDeps, request: SchedulesResumeRequest) {
  const { id, reason } = request;
  requireId(checkFields(SchedulesResumeRequestSchema, request), id);
  await requireSchedule(deps, id);
  const row = await deps.write.starters.resumeSchedule(id, changeOf(deps, reason));
  return { schedule: scheduleMessage(row) };
}

/** Get. */
export async function answerGetSchedule(deps: ReadDeps, request: SchedulesGetRequest) {
  requireId(checkFields(SchedulesGetRequestSchema, request), request.id);
  return readSchedule(deps, request.id);
}

/** The answer with a schedule or a trigger. Refuses not_found. */
export async function readSchedule({ database, visibility }: ReadDeps, id: string) {
  const definitionId = definitionOfTrigger(id);
  if (definitionId === undefined) {
    const row = await findWorkflowSchedule(database.callers, visibility, id);
    if (row === undefined) throw unknownSchedule(id);
    return { schedule: scheduleMessage(row) };
  }
  const row = await findTriggerSchedule(database.callers, visibility, definitionId);
  if (row === undefined) throw unknownSchedule(id);
  return { schedule: triggerMessage(row) };
}

/** List: triggers by the ids of their workflows, then the others. */
export async function answerListSchedules(deps: ReadDeps, request: SchedulesListRequest) {
  const { workspaceId, definitionId, pageToken } = request;
  const filters = { workspaceId, definitionId };
  const faults = checkFields(SchedulesListRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  const size = readPageSize(request.pageSize, faults);
  const after = readIdToken(pageToken, filters, faults);
  faults.refuseIfAny();
  const [found, totalSize] = await Promise.all([
    listBehind(deps, filters, after, size + 1),
    countSchedules(deps.database.lists, deps.visibility, filters),
  ]);
  const shown = found.slice(0, size);
  const last = found.length > size ? shown.at(-1) : undefined;
  return {
    schedules: shown,
    nextPageToken: last === undefined ? "" : idTokenOf(filters, last.id),
    totalSize,
  };
}

async function listBehind(
  { database: { lists }, visibility }: ReadDeps,
  filters: ScheduleFilters,
  after: string,
  limit: number,
) {
  const behindTrigger = after === "" ? "" : definitionOfTrigger(after);
  const triggers =
    behindTrigger === undefined
      ? []
      : await listTriggerSchedules(lists, visibility, filters, { after: behindTrigger, limit });
  const left = limit - triggers.length;
  const from = behindTrigger === undefined ? after : "";
  const rows =
    left === 0
      ? []
      : await listWorkflowSchedules(lists, visibility, filters, { after: from, limit: left });
  return [...triggers.map(triggerMessage), ...rows.map(scheduleMessage)];
}

/** The schedule that a call is to change. Refuses not_found, and illegal_move for the trigger of a version. */
export async function requireSchedule(deps: ReadDeps, id: string): Promise<WorkflowScheduleRow> {
  const definitionId = definitionOfTrigger(id);
  const { callers } = deps.database;
  if (definitionId === undefined) {
    const row = await findWorkflowSchedule(callers, deps.visibility, id);
    if (row !== undefined) return row;
  } else if ((await findTriggerSchedule(callers, deps.visibility, definitionId)) !== undefined) {
    const resource = { type: "schedule", name: triggerIdOf(definitionId) };
    const words = "it is the trigger of a version; publish another version to change it";
    throw new Refusal("illegal_move", words, { resource });
  }
  throw unknownSchedule(id);
}

/** The workspace of a schedule. */
export async function workspaceOfSchedule(
  { database, visibility }: ReadDeps,
  { id }: { id: string },
): Promise<string | undefined> {
  return (await findWorkflowSchedule(database.callers, visibility, id))?.workspaceId;
}

/** Refuses invalid_fields where an input does not fit the version that it is for. */
function requireInput(head: DefinitionHead, input: JsonObject): void {
  const { workspaceId, latestVersionId: versionId, inputSchemaJson } = head;
  if (versionId === null) return;
  const whole = { scheduled_at: SOME_SLOT, ...input };
  const wrong = findInputFaults({ workspaceId, versionId }, inputSchemaJson, whole, "spec.input");
  if (wrong.length > 0) throw invalidFields(wrong);
}

function checkMask(mask: readonly string[], faults: Faults): void {
  if (mask.length === 0) faults.add("update_mask", `is required: of ${SPEC_FIELDS.join(", ")}`);
  for (const [at, name] of mask.entries()) {
    if (SPEC_FIELDS.includes(name)) continue;
    faults.add(`update_mask[${at}]`, `"${name}" is not among ${SPEC_FIELDS.join(", ")}`);
  }
}

function requireId(faults: Faults, id: string): void {
  faults.require("id", id);
  faults.refuseIfAny();
}

function changeOf(deps: WriteDeps, changeReason: string, etag = ""): ScheduleChange {
  return { etag, changedBy: recordedActor(deps) ?? "", changeReason };
}
