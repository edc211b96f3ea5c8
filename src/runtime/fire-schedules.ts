/**
 * Starts the runs of schedules that are due.
 *
 * Boundary: one round. ingress/timers decides when to run the next; engine/values/cron.ts computes slots.
 * Invariants:
 * 1. The run is committed before the schedule moves on, so a crash between loses no slot; the start is unique by the
 *    slot's event id, so it doubles none either, whatever the number of replicas.
 * 2. Of several missed slots the latest runs; the others are counted by who moves the schedule on. A slot that another
 *    replica was starting at that moment may be counted with them.
 * 3. Only the database's clock says what is due.
 * 4. A slot of a paused definition is noted as a missed trigger, and its schedule moves on as if it had started.
 */
import {
  type CronLine,
  countSlots,
  latestSlot,
  nextSlot,
  readCronLine,
  slotText,
} from "../engine/values/cron.ts";
import { reached } from "../process/crash-points.ts";
import type { Log } from "../process/log.ts";
import { count } from "../process/metrics.ts";
import { beginTurn } from "../process/shared-turn.ts";
import type { Database } from "../store/database.ts";
import { moveSchedules, type ScheduleMove } from "../store/schedules.ts";
import { type DueSchedule, findDueSchedules } from "../store/service-reads/due-schedules.ts";
import { isClosed } from "./closed-refusals.ts";
import { keepMissed } from "./missed-triggers.ts";
import type { Processor } from "./processor.ts";
import { isFull } from "./run-limits.ts";
import type { Submission } from "./submission.ts";
import { isTemporary } from "./temporary.ts";

/** What firing needs. */
export interface FiringDeps {
  readonly database: Database;
  readonly processor: Processor;
  readonly log: Log;
}

/** What a round did. */
export interface FiredRound {
  /** Schedules that were due. */
  readonly due: number;
  /** Temporary failures of starts: their slots are still due. */
  readonly refusals: readonly unknown[];
  /** Definitions that cannot be started as they are; still due as well. */
  readonly failed: readonly string[];
}

interface Slot {
  readonly due: DueSchedule;
  readonly line: CronLine;
  readonly atMs: number;
}

type Started =
  | { readonly slot: Slot }
  | { readonly refusal: unknown }
  | { readonly failed: string };

/** More are not counted one by one: a line of every second has 86,400 a day. */
const COUNTED_AT_MOST = 1_000;

/** Fires what is due, at most `limit` schedules, without those of the definitions to leave out. */
export async function fireSchedules(
  deps: FiringDeps,
  limit: number,
  without: readonly string[],
): Promise<FiredRound> {
  const due = await findDueSchedules(deps.database.read, limit, without);
  if (due.length > 0) await reached("schedules.found");
  const missed = await missPaused(deps, due);
  const starting: Promise<Started>[] = [];
  const share = beginTurn();
  for (const each of due) {
    // Finding slots takes its time.
    await share();
    const slot = missed.get(each.definitionId);
    starting.push(slot === undefined ? startLatest(deps, each) : Promise.resolve({ slot }));
  }
  const started = await Promise.all(starting);
  const slots = started.flatMap((each) => ("slot" in each ? [each.slot] : []));
  if (slots.length > 0) {
    await reached("schedules.started");
    await moveOn(deps, slots);
    await reached("schedules.moved");
  }
  return {
    due: due.length,
    refusals: started.flatMap((each) => ("refusal" in each ? [each.refusal] : [])),
    failed: started.flatMap((each) => ("failed" in each ? [each.failed] : [])),
  };
}

/** Notes the slots of paused definitions as missed triggers; gives those that are. */
async function missPaused(
  { database }: FiringDeps,
  due: readonly DueSchedule[],
): Promise<Map<string, Slot>> {
  // A line that cannot be read is reported where its slot is to start.
  const paused = due.filter(({ isPaused, cronLine }) => isPaused && readCronLine(cronLine).ok);
  if (paused.length === 0) return new Map();
  const slots = paused.map((each) => {
    const slot = latestOf(each);
    return { slot, ...startOf(each, slot.atMs) };
  });
  const missed = await keepMissed({ database }, slots);
  return new Map(
    slots
      .filter(({ start }) => missed.has(start))
      .map(({ slot, start }) => [start.definitionId, slot]),
  );
}

function latestOf(due: DueSchedule): Slot {
  const line = requireLine(due);
  const { anchorAt, nextAt, readAt } = due;
  const atMs = latestSlot(line, anchorAt.getTime(), nextAt.getTime(), readAt.getTime());
  return { due, line, atMs };
}

async function startLatest({ processor, log }: FiringDeps, due: DueSchedule): Promise<Started> {
  try {
    const slot = latestOf(due);
    const isStarted = await startsSlot(processor, startOf(due, slot.atMs));
    if (isStarted) count("workflows_schedule_slots_started_total");
    return { slot };
  } catch (error) {
    if (isTemporary(error)) return { refusal: error };
    const { definitionId, versionId } = due;
    // Its schedule is gone too.
    if (isClosed(error)) return { failed: definitionId };
    log.error("a schedule cannot be fired", { definitionId, versionId, error });
    return { failed: definitionId };
  }
}

/** Whether a slot has started its run now. One that its workflow drops is over as well. */
async function startsSlot(
  processor: FiringDeps["processor"],
  submission: Submission,
): Promise<boolean> {
  try {
    return (await processor.submit(submission)).created;
  } catch (error) {
    if (isFull(error)) return false;
    throw error;
  }
}

async function moveOn({ database, log }: FiringDeps, slots: readonly Slot[]): Promise<void> {
  const moved = await database.transaction((tx) => moveSchedules(tx, slots.map(moveOf)));
  const share = beginTurn();
  for (const { due, line, atMs } of slots) {
    const range = { fromMs: due.nextAt.getTime(), toMs: atMs };
    if (!moved.has(due.definitionId) || range.fromMs === range.toMs) continue;
    await share();
    const skipped = countSlots(line, due.anchorAt.getTime(), range, COUNTED_AT_MOST);
    count("workflows_schedule_slots_skipped_total", {}, skipped);
    log.warn("slots of a schedule were missed; the latest runs, the others are skipped", {
      definitionId: due.definitionId,
      skipped,
      first: slotText(range.fromMs),
      ran: slotText(atMs),
    });
  }
}

function moveOf({ due, line, atMs }: Slot): ScheduleMove {
  const { definitionId, cronLine, anchorAt, nextAt } = due;
  const next = nextSlot(line, anchorAt.getTime(), atMs);
  const newNextAt = next === undefined ? null : new Date(next);
  return { definitionId, cronLine, anchorAt, nextAt, newNextAt };
}

function requireLine({ cronLine }: DueSchedule): CronLine {
  const read = readCronLine(cronLine);
  if (!read.ok) throw new Error(`the stored cron line ${read.problem}`);
  return read.line;
}

function startOf(due: DueSchedule, atMs: number): Extract<Submission, { kind: "start" }> {
  const slot = slotText(atMs);
  return {
    kind: "start",
    cause: { kind: "timer", id: "schedule" },
    start: {
      definitionId: due.definitionId,
      versionId: due.versionId,
      definitionVersion: due.version,
      workspaceId: due.workspaceId,
      triggerType: "SCHEDULE",
      triggerEventId: `schedule:${due.definitionId}:${slot}`,
      triggerSource: "workflows",
      initiatorAgentId: "",
      initiatorUserId: "",
      parentRunId: "",
      entityId: "",
      entityType: "",
      hops: 0,
      input: { scheduled_at: slot },
    },
  };
}
