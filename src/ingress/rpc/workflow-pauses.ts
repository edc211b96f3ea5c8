/**
 * The RPCs of Workflows about pauses: Pause, Resume, ListMissedTriggers and ReplayMissedTriggers.
 * Boundary: requests, page tokens and answers; what a pause does is runtime/pauses.ts.
 */
import { createHash } from "node:crypto";
import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type ListMissedTriggersRequest,
  ListMissedTriggersRequestSchema,
  type MissedTriggerState,
  OnMissedTrigger,
  type ReplayMissedTriggersRequest,
  ReplayMissedTriggersRequestSchema,
  type WorkflowsPauseRequest,
  WorkflowsPauseRequestSchema,
  type WorkflowsResumeRequest,
  WorkflowsResumeRequestSchema,
} from "../../../gen/workflows/ops/v1/workflow_pauses_pb.ts";
import type { TriggerType } from "../../engine/values/definition.ts";
import { eventIdOf } from "../../engine/values/environment.ts";
import {
  countMissedTriggers,
  findPauses,
  listMissed,
  type MissedRow,
  type PauseRow,
} from "../../store/reads/pauses.ts";
import { TRIGGER_TYPE_NUMBERS } from "../../wire/definitions.ts";
import { recordedActor } from "./actor.ts";
import { requireDefinition } from "./definitions.ts";
import { checkFields, type Faults, readPageSize } from "./fields.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const DAY_SECONDS = 86_400;
const QUEUE_SECONDS_AT_MOST = 7 * DAY_SECONDS;
const IDS_AT_MOST = 500;
const ID = /^[1-9][0-9]{0,14}$/;

/** Pause. */
export async function answerPause(deps: WriteDeps, request: WorkflowsPauseRequest) {
  const { definitionId, reason, onMissed, queueSeconds } = request;
  const faults = checkFields(WorkflowsPauseRequestSchema, request);
  faults.require("definition_id", definitionId);
  const isQueue = onMissed === OnMissedTrigger.QUEUE;
  if (queueSeconds !== 0 && !isQueue) faults.add("queue_seconds", "is for on_missed QUEUE alone");
  if (queueSeconds < 0 || queueSeconds > QUEUE_SECONDS_AT_MOST) {
    const range = `0 (the default of a day) to ${QUEUE_SECONDS_AT_MOST}`;
    faults.add("queue_seconds", `is ${queueSeconds}; it must be ${range}`);
  }
  faults.refuseIfAny();
  const row = await deps.write.pauseWorkflow({
    ...{ definitionId, reason, by: recordedActor(deps) ?? "" },
    queueSeconds: isQueue ? queueSeconds || DAY_SECONDS : 0,
  });
  return pauseField(row);
}

/** Pause, of which only the answer is missing. */
export async function readPause(
  { database, visibility }: ReadDeps,
  { definitionId }: WorkflowsPauseRequest,
) {
  return pauseField(
    (await findPauses(database.callers, visibility, [definitionId])).get(definitionId),
  );
}

/** Resume. */
export async function answerResume(deps: WriteDeps, request: WorkflowsResumeRequest) {
  const { definitionId, reason } = request;
  const faults = checkFields(WorkflowsResumeRequestSchema, request);
  faults.require("definition_id", definitionId);
  faults.refuseIfAny();
  const by = recordedActor(deps) ?? "";
  const starting = await deps.write.resumeWorkflow({ definitionId, reason, by });
  return { starting: BigInt(starting) };
}

/** ListMissedTriggers. */
export async function answerListMissedTriggers(deps: ReadDeps, request: ListMissedTriggersRequest) {
  const { definitionId, state } = request;
  const faults = checkFields(ListMissedTriggersRequestSchema, request);
  faults.require("definition_id", definitionId);
  const size = readPageSize(request.pageSize, faults);
  const filters = { definitionId, state: Number(state) };
  const before = readToken(request.pageToken, filters, faults);
  faults.refuseIfAny();
  await requireDefinition(deps, definitionId);
  const { lists } = deps.database;
  const [rows, totalSize] = await Promise.all([
    listMissed(lists, deps.visibility, filters, { before, limit: size }),
    countMissedTriggers(lists, deps.visibility, filters),
  ]);
  const last = rows.length < size ? undefined : rows.at(-1);
  return {
    triggers: rows.map(missedMessage),
    nextPageToken: last === undefined ? "" : tokenOf(last.seq, filters),
    totalSize,
  };
}

/** ReplayMissedTriggers. */
export async function answerReplayMissedTriggers(
  deps: WriteDeps,
  request: ReplayMissedTriggersRequest,
) {
  const { definitionId, ids, missedFrom, missedBefore, reason } = request;
  const faults = checkFields(ReplayMissedTriggersRequestSchema, request);
  faults.require("definition_id", definitionId);
  const isByTime = missedFrom !== undefined || missedBefore !== undefined;
  if (ids.length > 0 === isByTime) {
    faults.add("ids", "or a time is required, and not both");
  }
  if (ids.length > IDS_AT_MOST) faults.add("ids", `has ${ids.length} ids, over ${IDS_AT_MOST}`);
  for (const [at, id] of ids.entries()) {
    if (!ID.test(id)) faults.add(`ids[${at}]`, "is no id of a missed trigger");
  }
  if (new Set(ids).size < ids.length) faults.add("ids", "has an id twice");
  const [from, before] = [
    readTime("missed_from", missedFrom, faults),
    readTime("missed_before", missedBefore, faults),
  ];
  faults.refuseIfAny();
  const { starting, more } = await deps.write.replayTriggers(
    { definitionId, reason, by: recordedActor(deps) ?? "" },
    {
      ...{ definitionId, from, before },
      seqs: ids.length === 0 ? undefined : ids.map(Number),
    },
  );
  return { starting, more, skipped: ids.length === 0 ? 0 : ids.length - starting };
}

/** The field `pause` of what shows one; nothing where there is none. */
export function pauseField(row: PauseRow | undefined) {
  if (row === undefined) return {};
  const { pausedAt, pausedBy, reason, queueSeconds, missed, queued } = row;
  return {
    pause: {
      ...{ pausedAt: timestampFromDate(pausedAt), pausedBy, reason, queueSeconds },
      onMissed: queueSeconds > 0 ? OnMissedTrigger.QUEUE : OnMissedTrigger.DROP,
      ...{ missedCount: BigInt(missed), queuedCount: BigInt(queued) },
    },
  };
}

function missedMessage(row: MissedRow) {
  const { seq, missedAt, queuedUntil, state, eventId, source, pauseReason, canStart } = row;
  return {
    ...{ id: String(seq), triggerEventId: eventIdOf(eventId), source, pauseReason, canStart },
    triggerType: TRIGGER_TYPE_NUMBERS[row.triggerType as TriggerType],
    missedAt: timestampFromDate(missedAt),
    // The numbers of the states are those that are stored.
    state: state as MissedTriggerState,
    ...(queuedUntil === null ? {} : { queuedUntil: timestampFromDate(queuedUntil) }),
    ...{ runId: row.runId ?? "", problem: row.problem ?? "" },
  };
}

function readTime(field: string, time: Timestamp | undefined, faults: Faults): Date | undefined {
  if (time === undefined) return undefined;
  const at = timestampDate(time);
  if (!Number.isNaN(at.getTime()) && at.getUTCFullYear() < 10_000 && at.getTime() >= 0) return at;
  faults.add(field, "is no time from 1970 to 9999");
  return undefined;
}

interface Filters {
  readonly definitionId: string;
  readonly state: number;
}

function tokenOf(seq: number, filters: Filters): string {
  return Buffer.from(`${seq}/${hashOf(filters)}`).toString("base64url");
}

function readToken(token: string, filters: Filters, faults: Faults): number | undefined {
  if (token === "") return undefined;
  const text = Buffer.from(token, "base64url").toString("utf8");
  const [, seq = "", hash] = /^([1-9][0-9]{0,14})\/([0-9a-f]{16})$/.exec(text) ?? [];
  if (hash === hashOf(filters)) return Number(seq);
  faults.add("page_token", "is not of a list with these filters");
  return undefined;
}

function hashOf({ definitionId, state }: Filters): string {
  const text = JSON.stringify([definitionId, state]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
