/**
 * Starts the runs of schedules beside the triggers of versions that are due.
 * Boundary: one round. ingress/timers decides when to run the next; schedule-slots.ts decides which slot is fired.
 * Invariants: those of fire-schedules.ts. The run is committed before the schedule moves on, and is unique by the slot's event id; only
 * the database's clock says what is due. What a slot does by its overlap is decided by one replica: it takes the schedule for a time, and
 * looks then at what is open. A slot of a paused workflow is noted as a missed trigger, and one of an archived workflow is left
 * out; the schedule moves on in both cases.
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
import { isClosed } from "./closed-refusals.ts";
import type { FiredRound, FiringDeps } from "./fire-schedules.ts";
import { keepMissed, type MissedStart } from "./missed-triggers.ts";
import { isFull } from "./run-limits.ts";
import { decideSlot, delayOf, OVERLAPS, type SlotDecision } from "./schedule-slots.ts";
import { standingAt, startOfSlot, timesOf } from "./schedule-starts.ts";
import { undeployedWords } from "./starter-environment.ts";
import type { RunStart } from "./submission.ts";
import { isTemporary } from "./temporary.ts";

type Fired =
  | { readonly move: SlotMove }
  | { readonly refusal: unknown }
  | { readonly failed: string };

/** What is done with a schedule; `wanted` is unset where nothing can start. */
interface Plan {
  readonly due: DueWorkflowSchedule;
  readonly last: readonly FiredSlot[];
  readonly openRuns: readonly string[];
  readonly decision: SlotDecision;
  readonly wanted?: MissedStart;
}

const SLOTS_KEPT = 10;
/** How long a slot that waits for the end of a run is left alone: a part of how long it has waited, within these. */
const LOOK_AGAIN = { part: 0.1, leastMs: 1_000, mostMs: 10_000 };
/** How long one replica decides a slot by its overlap. One that died then leaves the slot to the others. */
const TAKEN_MS = 5_000;
const ARCHIVED = "the workflow is archived";
const PAUSED = "the workflow is paused";
const FULL = "the workflow has as many open runs as it may";

/** Fires what is due, at most `limit` schedules, without those of these ids. */
export async function fireWorkflowSchedules(
  deps: FiringDeps,
  limit: number,
  without: readonly string[],
): Promise<FiredRound> {
  const due = await findDueWorkflowSchedules(deps.database.read, limit, without);
  const plans = await takeContested(deps, await planAll(deps, due));
  const missed = await missPaused(deps, plans);
  const fired = await Promise.all(
    plans.map((each) => ("decision" in each ? fire(deps, each, missed) : each)),
  );
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

/** What is done with each schedule, by what is open now. */
async function planAll(
  deps: FiringDeps,
  due: readonly DueWorkflowSchedule[],
): Promise<(Plan | Fired)[]> {
  const last = due.map(lastOf);
  const open = await findOpenRuns(
    deps.database.read,
    due.flatMap(({ overlap }, at) => (OVERLAPS[overlap] === "allow" ? [] : runsOf(last[at]))),
  );
  const plans: (Plan | Fired)[] = [];
  const share = beginTurn();
  for (const [at, each] of due.entries()) {
    // Finding slots takes its time.
    await share();
    plans.push(planOf(deps, each, last[at] ?? [], open));
  }
  return plans;
}

/** Takes the schedules whose slots start or end by what is open, and plans these again; those that another replica has are left out. */
async function takeContested(
  deps: FiringDeps,
  plans: readonly (Plan | Fired)[],
): Promise<(Plan | Fired)[]> {
  const contested = plans.flatMap((each) =>
    "decision" in each && each.decision.kind !== "wait" && OVERLAPS[each.due.overlap] !== "allow"
      ? [each.due]
      : [],
  );
  if (contested.length === 0) return [...plans];
  const moves = contested.map((due) => waiting(due, TAKEN_MS));
  const taken = await deps.database.transaction((tx) => moveWorkflowSchedules(tx, moves));
  const own = moves.flatMap(({ id, newDueAt }, at) => {
    const due = contested[at];
    return due === undefined || !taken.has(id) ? [] : [{ ...due, dueAt: newDueAt }];
  });
  const others = plans.filter((each) => !("decision" in each && contested.includes(each.due)));
  return [...others, ...(await planAll(deps, own))];
}

function planOf(
  deps: FiringDeps,
  due: DueWorkflowSchedule,
  last: readonly FiredSlot[],
  open: ReadonlySet<string>,
): Plan | Fired {
  try {
    const openRuns = runsOf(last).filter((id) => open.has(id));
    const decision = decisionOf(due, openRuns.length > 0);
    const plan = { due, last, openRuns, decision };
    const { versionId: id, version: number, isArchived } = due;
    if (decision.kind !== "start" || id === null || isArchived) return plan;
    return { ...plan, wanted: startOfSlot(due, decision.slotMs, { id, number }) };
  } catch (error) {
    return failureOf(deps, due, error);
  }
}

/** Notes the slots of paused workflows as missed triggers; gives their starts. */
async function missPaused(
  { database }: FiringDeps,
  plans: readonly (Plan | Fired)[],
): Promise<ReadonlySet<RunStart>> {
  const paused = plans.flatMap((each) =>
    "decision" in each && each.due.isMissed && each.wanted !== undefined ? [each.wanted] : [],
  );
  return paused.length === 0 ? new Set() : keepMissed({ database }, paused);
}

async function fire(deps: FiringDeps, plan: Plan, missed: ReadonlySet<RunStart>): Promise<Fired> {
  const { due, last, decision } = plan;
  if (decision.kind === "wait") return { move: waiting(due, untilNextLook(due)) };
  try {
    const fired =
      decision.kind === "skip"
        ? { why: decision.why }
        : await start(deps, plan, decision.cancels, missed);
    const slots = [{ at: slotText(decision.slotMs), ...fired }, ...last].slice(0, SLOTS_KEPT);
    return { move: { ...moveOf(due, decision.nextMs), lastJson: JSON.stringify(slots) } };
  } catch (error) {
    return failureOf(deps, due, error);
  }
}

async function start(
  { processor }: FiringDeps,
  { due, openRuns, wanted }: Plan,
  cancels: boolean,
  missed: ReadonlySet<RunStart>,
): Promise<Omit<FiredSlot, "at">> {
  if (wanted === undefined) {
    return { why: due.isArchived ? ARCHIVED : undeployedWords(due.environment) };
  }
  if (missed.has(wanted.start)) return { why: PAUSED };
  const { workspaceId } = due;
  const { cause } = wanted;
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
  try {
    const { runId, created } = await processor.submit({ kind: "start", ...wanted });
    if (created) count("workflows_schedule_slots_started_total");
    return { run: runId };
  } catch (error) {
    if (isFull(error)) return { why: FULL };
    throw error;
  }
}

function failureOf({ log }: FiringDeps, { id }: DueWorkflowSchedule, error: unknown): Fired {
  if (isTemporary(error)) return { refusal: error };
  // It was archived since the schedule was read; the next round sees that.
  if (!isClosed(error)) log.error("a schedule cannot be fired", { schedule: id, error });
  return { failed: id };
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
  const { id, revision, slotAt, dueAt } = due;
  const { slotAt: newSlotAt, dueAt: newDueAt } = standingAt(due, nextMs, false);
  return { id, revision, slotAt, dueAt, newSlotAt, newDueAt };
}

/** Leaves a slot as it is for so long. */
function waiting(
  { id, revision, slotAt, dueAt, readAt, lastJson }: DueWorkflowSchedule,
  forMs: number,
): SlotMove & { readonly newDueAt: Date } {
  const newDueAt = new Date(readAt.getTime() + forMs);
  return { id, revision, slotAt, dueAt, newSlotAt: slotAt, newDueAt, lastJson };
}

function untilNextLook({ slotAt, readAt }: DueWorkflowSchedule): number {
  const { part, leastMs, mostMs } = LOOK_AGAIN;
  const waitedMs = readAt.getTime() - slotAt.getTime();
  return Math.min(mostMs, Math.max(leastMs, Math.round(waitedMs * part)));
}

function lastOf({ lastJson }: DueWorkflowSchedule): FiredSlot[] {
  return JSON.parse(lastJson);
}

function runsOf(last: readonly FiredSlot[] = []): string[] {
  return last.flatMap(({ run }) => (run === undefined ? [] : [run]));
}
