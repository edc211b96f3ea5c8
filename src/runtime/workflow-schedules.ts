/**
 * Schedules beside the triggers of versions: their making and changing.
 * Boundary: requests are checked in ingress/rpc/schedules.ts; what they start is schedule-starts.ts; rows are store/workflow-schedules.ts.
 */
import type { JsonObject } from "../engine/values/json.ts";
import { newScheduleId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import type { KeyClaim } from "../store/caller-keys.ts";
import type { Database, Tx } from "../store/database.ts";
import {
  countWorkflowSchedules,
  deleteWorkflowSchedule,
  insertWorkflowSchedule,
  lockWorkflowSchedule,
  readScheduleClock,
  type ScheduleKey,
  saveWorkflowSchedule,
  type WorkflowScheduleRow,
} from "../store/workflow-schedules.ts";
import { applyKeys } from "./caller-keys.ts";
import { closedRefusal } from "./closed-refusals.ts";
import { OVERLAPS, type Overlap, slotAfter } from "./schedule-slots.ts";
import { RUN_AS, standingAt, timesOf } from "./schedule-starts.ts";
import { requireEnvironment } from "./starter-environment.ts";

export type { ScheduleKey, WorkflowScheduleRow } from "../store/workflow-schedules.ts";

/** What a schedule does, checked. */
export interface ScheduleContent {
  readonly name: string;
  readonly line: string;
  readonly zone: string;
  readonly overlap: Overlap;
  readonly catchUpSeconds: number | undefined;
  readonly jitterSeconds: number;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  readonly input: JsonObject;
  readonly runAs: (typeof RUN_AS)[number];
  readonly runAsSubject: string;
}

/** A schedule to make. */
export interface WantedSchedule extends ScheduleContent {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly environment: string;
  readonly isPaused: boolean;
}

/** Who changes a schedule, why, and since when nobody else may have. */
export interface ScheduleChange {
  /** "": whatever it is now. */
  readonly etag: string;
  readonly changedBy: string;
  readonly changeReason: string;
}

/** What changing schedules needs. */
export interface ScheduleDeps {
  readonly database: Database;
  /** The key of the call, marked in the transaction with the schedule's id. */
  readonly callerKey?: KeyClaim | undefined;
}

/** Schedules of one workflow. */
const OF_A_WORKFLOW = 1_000;

/** Makes a schedule. Refuses not_found, invalid_fields and, past 1,000 of a workflow, illegal_move. */
export async function createSchedule(
  deps: ScheduleDeps,
  wanted: WantedSchedule,
  { changedBy, changeReason }: Omit<ScheduleChange, "etag">,
): Promise<WorkflowScheduleRow> {
  const { workspaceId, definitionId, isPaused } = wanted;
  const environment = requireEnvironment(wanted.environment);
  return committed(deps, async (tx) => {
    const stored = await countWorkflowSchedules(tx, definitionId);
    if (stored === undefined) throw closedRefusal(definitionId, "deleted");
    if (stored >= OF_A_WORKFLOW) {
      const resource = { type: "definition", name: definitionId };
      const words = `the workflow has ${OF_A_WORKFLOW} schedules; delete one that is not used`;
      throw new Refusal("illegal_move", words, { resource });
    }
    const now = await readScheduleClock(tx);
    const row = fromNow(
      {
        ...columnsOf(wanted),
        ...{ id: newScheduleId(), workspaceId, definitionId, environment, isPaused },
        ...{ changedBy, changeReason, revision: 1, lastJson: "[]" },
        ...{ anchorAt: now, createdAt: now, dueAt: null, slotAt: null },
      },
      now,
    );
    await insertWorkflowSchedule(tx, row);
    return row;
  });
}

/** Changes what a schedule does; `change` makes the new content of the old one. Refuses not_found and illegal_move. */
export function updateSchedule(
  deps: ScheduleDeps,
  key: ScheduleKey,
  by: ScheduleChange,
  change: (content: ScheduleContent) => ScheduleContent,
): Promise<WorkflowScheduleRow> {
  return changed(deps, key, by, (row, now) => {
    const next = { ...row, ...columnsOf(change(contentOf(row))) };
    const isSame =
      next.line === row.line &&
      next.zone === row.zone &&
      next.fromAt?.getTime() === row.fromAt?.getTime() &&
      next.toAt?.getTime() === row.toAt?.getTime() &&
      next.jitterSeconds === row.jitterSeconds;
    return isSame ? next : fromNow(next, now);
  });
}

/** Stops a schedule. Refuses not_found. */
export function pauseSchedule(deps: ScheduleDeps, key: ScheduleKey, by: ScheduleChange) {
  return changed(deps, key, by, (row) =>
    row.isPaused ? row : { ...row, isPaused: true, dueAt: null },
  );
}

/** Lets a schedule go on from now. Refuses not_found. */
export function resumeSchedule(deps: ScheduleDeps, key: ScheduleKey, by: ScheduleChange) {
  return changed(deps, key, by, (row, now) => {
    if (!row.isPaused) return row;
    const next = slotAfter(timesOf(row), Math.max(now.getTime(), beforeFrom(row)));
    return { ...row, isPaused: false, ...standingAt(row, next, false) };
  });
}

/** Deletes a schedule. Refuses not_found and illegal_move. */
export async function removeSchedule(
  deps: ScheduleDeps,
  key: ScheduleKey,
  { etag }: ScheduleChange,
): Promise<void> {
  await committed(deps, async (tx) => {
    const row = await requireSchedule(tx, key, etag);
    await deleteWorkflowSchedule(tx, row.id);
    return row;
  });
}

/** not_found */
export function unknownSchedule(id: string): Refusal {
  const resource = { type: "schedule", name: id };
  return new Refusal("not_found", `there is no schedule ${id}`, { resource });
}

/** The etag of a schedule. */
export function etagOf({ revision }: Pick<WorkflowScheduleRow, "revision">): string {
  return String(revision);
}

function columnsOf(content: ScheduleContent) {
  const { name, line, zone, overlap, catchUpSeconds, jitterSeconds, from, to, input } = content;
  return {
    ...{ name, line, zone, jitterSeconds, runAsSubject: content.runAsSubject },
    overlap: OVERLAPS.indexOf(overlap),
    runAs: RUN_AS.indexOf(content.runAs),
    catchUpSeconds: catchUpSeconds ?? null,
    fromAt: from ?? null,
    toAt: to ?? null,
    inputJson: JSON.stringify(input),
  };
}

/** What a schedule does, of its row. */
export function contentOf(row: WorkflowScheduleRow): ScheduleContent {
  const { name, line, zone, jitterSeconds, runAsSubject } = row;
  return {
    ...{ name, line, zone, jitterSeconds, runAsSubject },
    overlap: OVERLAPS[row.overlap] ?? "allow",
    runAs: RUN_AS[row.runAs] ?? "unspecified",
    catchUpSeconds: row.catchUpSeconds ?? undefined,
    from: row.fromAt ?? undefined,
    to: row.toAt ?? undefined,
    input: JSON.parse(row.inputJson),
  };
}

/** The row with its first slot from now on. */
function fromNow(row: WorkflowScheduleRow, now: Date): WorkflowScheduleRow {
  const anchorAt = row.fromAt !== null && row.fromAt > now ? row.fromAt : now;
  const anchored = { ...row, anchorAt };
  const next = slotAfter(timesOf(anchored), Math.max(now.getTime(), beforeFrom(row)));
  return { ...anchored, ...standingAt(row, next, row.isPaused) };
}

function beforeFrom({ fromAt }: Pick<WorkflowScheduleRow, "fromAt">): number {
  return fromAt === null ? Number.NEGATIVE_INFINITY : fromAt.getTime() - 1;
}

function changed(
  deps: ScheduleDeps,
  key: ScheduleKey,
  { etag, changedBy, changeReason }: ScheduleChange,
  change: (row: WorkflowScheduleRow, now: Date) => WorkflowScheduleRow,
): Promise<WorkflowScheduleRow> {
  return committed(deps, async (tx) => {
    const row = await requireSchedule(tx, key, etag);
    const next = change(row, await readScheduleClock(tx));
    return next === row ? row : saveWorkflowSchedule(tx, { ...next, changedBy, changeReason });
  });
}

async function requireSchedule(
  tx: Tx,
  key: ScheduleKey,
  etag: string,
): Promise<WorkflowScheduleRow> {
  const row = await lockWorkflowSchedule(tx, key);
  if (row === undefined) throw unknownSchedule(key.id);
  if (etag === "" || etag === etagOf(row)) return row;
  const resource = { type: "schedule", name: key.id };
  const stored = etagOf(row);
  const words = `the schedule was changed since: its etag is "${stored}", not "${etag}"; read it again`;
  throw new Refusal("etag_mismatch", words, { resource, etags: { sent: etag, stored } });
}

async function committed(
  { database, callerKey }: ScheduleDeps,
  write: (tx: Tx) => Promise<WorkflowScheduleRow>,
): Promise<WorkflowScheduleRow> {
  return database.transaction(async (tx) => {
    const row = await write(tx);
    if (callerKey !== undefined) await applyKeys(tx, [{ ...callerKey, appliedTo: row.id }]);
    return row;
  });
}
