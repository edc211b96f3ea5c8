/**
 * A run as its moves tell it: its state, its steps, and each attempt of them.
 * Boundary: pure. Attempts are told as GetAttempts tells them (src/wire/attempts.ts). A picture is never changed: steps that did not move
 * are the same objects in the next one.
 */
import type { Cause, Move, StateChange } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import {
  type StepRun,
  StepRunState,
  type WorkflowRun,
  WorkflowState,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { dateOf } from "../../api/times.ts";

/** Times are in ms since 1970, by the clock of the database. */
export interface Attempt {
  /** From 1. */
  readonly attempt: number;
  readonly state: StepRunState;
  readonly startedAtMs: number;
  readonly endedAtMs: number | undefined;
  /** When it began to wait for what it has asked for; undefined: it did not yet. */
  readonly waitsFromMs: number | undefined;
  readonly errorMessage: string;
  /** Of this attempt alone. */
  readonly costUsd: number;
  readonly endedBy: Cause | undefined;
}

/** One step. */
export interface StepPicture {
  readonly id: string;
  readonly state: StepRunState;
  /** It failed, and waits for an order. */
  readonly isHeld: boolean;
  /** A rerun took its output from an older run. */
  readonly isReused: boolean;
  /** Oldest first; the newest 200. */
  readonly attempts: readonly Attempt[];
  /** Attempts that failed and were followed by another one. */
  readonly retryCount: number;
  readonly costUsd: number;
  readonly errorMessage: string;
  /** When its first attempt began. */
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly ids: Ids;
}

/** Ids of the present attempt, by their names in the contract; without empty ones. */
type Ids = Readonly<Record<string, string>>;

/** A run. */
export interface RunPicture {
  readonly state: WorkflowState;
  /** Of the last move; 0: none is known. */
  readonly seq: number;
  readonly totalCostUsd: number;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly steps: ReadonlyMap<string, StepPicture>;
  /** Oldest first; the newest 5,000. */
  readonly moves: readonly Move[];
  /** Moves that are missing before one that came: none, unless something is wrong. */
  readonly missing: number;
}

const MOST_MOVES = 5_000;
const MOST_ATTEMPTS = 200;

const FINAL_STEPS: ReadonlySet<StepRunState> = new Set([
  StepRunState.COMPLETED,
  StepRunState.FAILED,
  StepRunState.SKIPPED,
  StepRunState.COMPENSATED,
  StepRunState.CANCELLED,
]);
const FINAL_RUNS: ReadonlySet<WorkflowState> = new Set([
  WorkflowState.COMPLETED,
  WorkflowState.FAILED,
  WorkflowState.CANCELLED,
]);

/** Whether a step has ended. */
export function isFinalStep(state: StepRunState): boolean {
  return FINAL_STEPS.has(state);
}

/** Whether a run has ended. A FAILED or CANCELLED one may be compensated still. */
export function isFinalRun(state: WorkflowState): boolean {
  return FINAL_RUNS.has(state);
}

/** Before the first move. */
export const NO_MOVES: RunPicture = {
  state: WorkflowState.PENDING,
  seq: 0,
  totalCostUsd: 0,
  startedAtMs: undefined,
  endedAtMs: undefined,
  steps: new Map(),
  moves: [],
  missing: 0,
};

/** The picture after these moves. One that is known already changes nothing. */
export function afterMoves(before: RunPicture, moves: readonly Move[]): RunPicture {
  const fresh = moves.filter(({ seq }) => Number(seq) > before.seq);
  const last = fresh.at(-1);
  if (last === undefined) return before;
  const steps = new Map(before.steps);
  let run: RunPicture = { ...before, steps };
  for (const move of fresh) {
    const seq = Number(move.seq);
    const missing = run.missing + (seq - run.seq - 1);
    run = { ...run, seq, missing };
    const atMs = dateOf(move.at)?.getTime() ?? 0;
    for (const change of move.changes) {
      if (change.totalCostUsd > 0) run = { ...run, totalCostUsd: change.totalCostUsd };
      if (change.stepId === "") run = ofRun(run, change, atMs);
      else steps.set(change.stepId, ofStep(steps.get(change.stepId), change, atMs, move.cause));
    }
  }
  const all = [...before.moves, ...fresh];
  return { ...run, moves: all.slice(Math.max(0, all.length - MOST_MOVES)) };
}

function ofRun(run: RunPicture, { runTo: state }: StateChange, atMs: number): RunPicture {
  const startedAtMs = run.startedAtMs ?? atMs;
  const isOver = isFinalRun(state);
  return { ...run, state, startedAtMs, endedAtMs: isOver ? atMs : undefined };
}

function ofStep(
  before: StepPicture | undefined,
  change: StateChange,
  atMs: number,
  cause: Cause | undefined,
): StepPicture {
  const { stepId: id, stepTo: state, note, errorMessage, retryCount, costUsd } = change;
  const step = before ?? newStep(id);
  const isHeld = note === "held" || (step.isHeld && state === StepRunState.WAITING);
  const attempts = afterChange(step.attempts, change, atMs, cause);
  const isOver = isFinalStep(state);
  return {
    id,
    state,
    isHeld: isHeld && change.operation !== "started",
    isReused: step.isReused || note === "reused",
    attempts: attempts.slice(Math.max(0, attempts.length - MOST_ATTEMPTS)),
    retryCount,
    costUsd: costUsd > 0 ? costUsd : step.costUsd,
    errorMessage: errorOf(step, change) ?? errorMessage,
    startedAtMs: step.startedAtMs ?? attempts[0]?.startedAtMs,
    endedAtMs: isOver ? (isFinalStep(step.state) ? step.endedAtMs : atMs) : undefined,
    ids: { ...(change.operation === "started" ? {} : step.ids), ...idsOf(change) },
  };
}

/** A new attempt has no error yet; a move without one leaves it as it was. */
function errorOf(step: StepPicture, { operation, errorMessage, stepTo }: StateChange) {
  if (errorMessage !== "" || operation === "started") return undefined;
  return stepTo === StepRunState.COMPLETED ? "" : step.errorMessage;
}

function newStep(id: string): StepPicture {
  return {
    id,
    state: StepRunState.PENDING,
    isHeld: false,
    isReused: false,
    attempts: [],
    retryCount: 0,
    costUsd: 0,
    errorMessage: "",
    startedAtMs: undefined,
    endedAtMs: undefined,
    ids: {},
  };
}

function idsOf({ ids }: StateChange): Ids {
  if (ids === undefined) return {};
  const { objectiveId, agentId, delegationId, approvalRequestId, eventId, notificationId } = ids;
  const named = {
    ...{ objective: objectiveId, agent: agentId, delegation: delegationId },
    ...{ "approval request": approvalRequestId, event: eventId, notification: notificationId },
    "governance decision": ids.governanceDecision,
  };
  return Object.fromEntries(Object.entries(named).filter(([, id]) => id !== ""));
}

/** The attempts after one change of their step; see src/wire/attempts.ts. */
function afterChange(
  attempts: readonly Attempt[],
  change: StateChange,
  atMs: number,
  endedBy: Cause | undefined,
): readonly Attempt[] {
  const { stepFrom: from, stepTo: to, operation, note, retryCount: retry } = change;
  // A skipped step has not been tried, nor has one that was cancelled before it began.
  if (to === StepRunState.SKIPPED || to === StepRunState.PENDING) return attempts;
  const last = attempts.at(-1);
  if (last === undefined && to === StepRunState.CANCELLED) return attempts;
  const begins = operation === "started" || last === undefined;
  const others = begins ? attempts : attempts.slice(0, -1);
  const spentBefore = others.reduce((sum, { costUsd }) => sum + costUsd, 0);
  const present: Attempt = begins
    ? {
        ...{ attempt: operation === "retrying" ? retry : retry + 1, startedAtMs: atMs },
        ...{ state: StepRunState.RUNNING, endedAtMs: undefined, waitsFromMs: undefined },
        ...{ errorMessage: "", costUsd: 0, endedBy: undefined },
      }
    : last;
  const costUsd = Math.max(present.costUsd, roundedUsd(change.costUsd - spentBefore));
  const errorMessage = change.errorMessage || present.errorMessage;
  const known = { ...present, costUsd, errorMessage };
  const hasFailed = operation === "retrying" || note === "held";
  const isMoved = from !== to || operation === "started" || hasFailed;
  // What comes later changes how the attempt is remembered, and not when it ended.
  if (!isMoved) return [...others, known];
  const isOver = present.endedAtMs !== undefined && present.state === StepRunState.FAILED;
  const state = isOver ? present.state : hasFailed ? StepRunState.FAILED : to;
  const waitsFromMs =
    present.waitsFromMs ?? (to === StepRunState.WAITING && !hasFailed ? atMs : undefined);
  const moved = { ...known, state, waitsFromMs };
  const ends = present.endedAtMs === undefined && (hasFailed || isFinalStep(to));
  return [...others, ends ? { ...moved, endedAtMs: atMs, endedBy } : moved];
}

/** Sums of costs are rounded to 1e-9. */
function roundedUsd(usd: number): number {
  return Math.max(0, Math.round(usd * 1e9) / 1e9);
}

/** A run as GetRun has it: without attempts but the last one of each step, until its moves are known. */
export function pictureOf(run: WorkflowRun): RunPicture {
  return {
    ...NO_MOVES,
    state: run.state,
    totalCostUsd: run.totalCostUsd,
    startedAtMs: dateOf(run.startedAt)?.getTime(),
    endedAtMs: dateOf(run.completedAt)?.getTime(),
    steps: new Map(run.steps.map((step) => [step.stepId, stepPictureOf(step)])),
  };
}

function stepPictureOf(step: StepRun): StepPicture {
  const { stepId: id, state, retryCount, costUsd, errorMessage } = step;
  const startedAtMs = dateOf(step.startedAt)?.getTime();
  const endedAtMs = dateOf(step.completedAt)?.getTime();
  const attempt = { attempt: retryCount + 1, state, endedAtMs, waitsFromMs: undefined };
  const isTried = startedAtMs !== undefined && state !== StepRunState.SKIPPED;
  return {
    ...newStep(id),
    ...{ state, retryCount, costUsd, errorMessage, startedAtMs, endedAtMs },
    attempts: isTried
      ? [{ ...attempt, startedAtMs, errorMessage, costUsd, endedBy: undefined }]
      : [],
  };
}

/** When the last attempt began, for how long it has gone on or went on. */
export function tookMs({ attempts }: StepPicture, nowMs: number): number | undefined {
  const last = attempts.at(-1);
  if (last === undefined) return undefined;
  return Math.max(0, (last.endedAtMs ?? nowMs) - last.startedAtMs);
}
