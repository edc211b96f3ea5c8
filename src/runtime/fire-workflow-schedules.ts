/**
 * Starts the runs of schedules beside the triggers of versions that are due.
 * Boundary: one round. ingress/timers decides when to run the next; schedule-slots.ts decides which slot is fired.
 * Invariants: those of fire-schedules.ts. The run is committed before the schedule moves on, and is unique by the slot's event id; only
 * the database's clock says what is due.
 */
import { slotText } from "../engine/values/cron.ts";
import { count } from "../process/metrics.ts";
import { beginTurn } from "../process/shared-turn.ts";
import {
  type DueWorkflowSchedule,
  findDueWorkflowSchedules,
  findOpenRuns,
} from "../store/service-reads/due-workflow-schedules.ts";
import {
  type FiredSlot,
  moveWorkflowSchedules,
  type SlotMove,
} from "../store/workflow-schedules.ts";
import type { FiredRound, FiringDeps } from "./fire-schedules.ts";
import { decideSlot, delayOf, OVERLAPS, type SlotDecision } from "./schedule-slots.ts";
import { standingAt, startOfSlot, timesOf } from "./schedule-starts.ts";
import { isTemporary } from "./temporary.ts";

type Fired =
  | { readonly move: SlotMove }
  | { readonly refusal: unknown }
  | { readonly failed: string };

const SLOTS_KEPT = 10;
/** How long a slot that waits for the end of a run is left alone. */
const LOOK_AGAIN_MS = 1_000;
const UNPUBLISHED = "the workflow has no published version";

/** Fires what is due, at most `limit` schedules, without those of these ids. */
export async function fireWorkflowSchedules(
  deps: FiringDeps,
  limit: number,
  without: readonly string[],
): Promise<FiredRound> {
  const due = await findDueWorkflowSchedules(deps.database.read, limit, without);
  const last = due.map(lastOf);
  const open = await findOpenRuns(
    deps.database.read,
    due.flatMap(({ overlap }, at) => (OVERLAPS[overlap] === "allow" ? [] : runsOf(last[at]))),
  );
  const firing: Promise<Fired>[] = [];
  const share = beginTurn();
  for (const [at, each] of due.entries()) {
    // Finding slots takes its time.
    await share();
    firing.push(fire(deps, each, last[at] ?? [], open));
  }
  const fired = await Promise.all(firing);
  const moves = fired.flatMap((each) => ("move" in each ? [each.move] : []));
  if (moves.length > 0) {
    await deps.database.transaction((tx) => moveWorkflowSchedules(tx, moves));
  }
  return {
    due: due.length,
    refusals: fired.flatMap((each) => ("refusal" in each ? [each.refusal] : [])),
    failed: fired.flatMap((each) => ("failed" in each ? [each.failed] : [])),
  };
}

async function fire(
  deps: FiringDeps,
  due: DueWorkflowSchedule,
  last: readonly FiredSlot[],
  open: ReadonlySet<string>,
): Promise<Fired> {
  try {
    const openRuns = runsOf(last).filter((id) => open.has(id));
    const decision = decisionOf(due, openRuns.length > 0);
    if (decision.kind === "wait") return { move: waiting(due) };
    const fired =
      decision.kind === "skip" ? { why: decision.why } : await start(deps, due, decision, openRuns);
    const slots = [{ at: slotText(decision.slotMs), ...fired }, ...last].slice(0, SLOTS_KEPT);
    return { move: { ...moveOf(due, decision.nextMs), lastJson: JSON.stringify(slots) } };
  } catch (error) {
    if (isTemporary(error)) return { refusal: error };
    deps.log.error("a schedule cannot be fired", { schedule: due.id, error });
    return { failed: due.id };
  }
}

async function start(
  { processor }: FiringDeps,
  due: DueWorkflowSchedule,
  { slotMs, cancels }: Extract<SlotDecision, { kind: "start" }>,
  openRuns: readonly string[],
): Promise<Omit<FiredSlot, "at">> {
  const { versionId, version, workspaceId } = due;
  if (versionId === null) return { why: UNPUBLISHED };
  const { start: wanted, cause } = startOfSlot(due, slotMs, { id: versionId, number: version });
  if (cancels) {
    const input = {
      kind: "cancel_requested",
      reason: "the next slot of its schedule",
      cause,
    } as const;
    // One that has ended meanwhile refuses, which changes nothing.
    const cancel = (runId: string) =>
      processor.submit({ kind: "input", runId, workspaceId, input });
    await Promise.all(openRuns.map(cancel));
  }
  const { runId, created } = await processor.submit({ kind: "start", start: wanted, cause });
  if (created) count("workflows_schedule_slots_started_total");
  return { run: runId };
}

function decisionOf(due: DueWorkflowSchedule, isOpen: boolean): SlotDecision {
  const { id, slotAt, jitterSeconds, overlap, catchUpSeconds, readAt } = due;
  return decideSlot(
    {
      ...timesOf(due),
      slotMs: slotAt.getTime(),
      delayMs: delayOf(id, jitterSeconds),
      overlap: OVERLAPS[overlap] ?? "allow",
      catchUpMs: catchUpSeconds === null ? undefined : catchUpSeconds * 1_000,
      isOpen,
    },
    readAt.getTime(),
  );
}

function moveOf(due: DueWorkflowSchedule, nextMs: number | undefined): Omit<SlotMove, "lastJson"> {
  const { id, revision, slotAt } = due;
  const { slotAt: newSlotAt, dueAt: newDueAt } = standingAt(due, nextMs, false);
  return { id, revision, slotAt, newSlotAt, newDueAt };
}

function waiting({ id, revision, slotAt, readAt, lastJson }: DueWorkflowSchedule): SlotMove {
  const newDueAt = new Date(readAt.getTime() + LOOK_AGAIN_MS);
  return { id, revision, slotAt, newSlotAt: slotAt, newDueAt, lastJson };
}

function lastOf({ lastJson }: DueWorkflowSchedule): FiredSlot[] {
  return JSON.parse(lastJson);
}

function runsOf(last: readonly FiredSlot[] = []): string[] {
  return last.flatMap(({ run }) => (run === undefined ? [] : [run]));
}
