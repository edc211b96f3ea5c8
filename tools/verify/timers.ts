/**
 * I11: a timer acts when it is due or later: timeouts, pauses between attempts, deadlines and slots of schedules.
 * Boundary: judges one run by its history. When a timer was due is reckoned from the version and from the times of
 * earlier rows; a delay or an escalation, whose time an expression may give, is counted and not judged.
 */
import type { Move } from "../../src/engine/values/move.ts";
import type { Findings } from "./report.ts";
import type { StoredMoves, VersionStep, WholeRun } from "./stored-runs.ts";

type StepMove = Extract<Move, { of: "step" }>;

/** Pauses between attempts vary by a tenth, and are a day long at most. */
const SHORTEST_PAUSE = 0.9;
const LONGEST_PAUSE_MS = 86_400_000;
/** Times of rows are rounded to a millisecond. */
const ROUNDED_MS = 1;

/** Compares the times of a run's timers with when they were due. */
export function checkTimers(findings: Findings, whole: WholeRun): void {
  const { run, rows } = whole;
  findings.count("runs");
  judgeSlot(findings, whole);
  const begunAt = new Map<number, number>();
  const failedAt = new Map<number, number>();
  for (const row of rows) {
    const due = row.cause.kind === "timer" ? dueOf(whole, row, { begunAt, failedAt }) : undefined;
    if (row.cause.kind === "timer" && due === undefined) findings.count("timers of unknown times");
    if (due !== undefined) {
      findings.count("timers");
      const earlyMs = due - row.recordedAt.getTime();
      if (earlyMs > ROUNDED_MS) {
        findings.violate(
          `${run.id}: row ${row.seq}: a timer fired ${earlyMs} ms before it was due`,
        );
      }
    }
    for (const move of row.moves) {
      if (move.of !== "step") continue;
      if (move.op === "started") begunAt.set(move.step, row.recordedAt.getTime());
      if (move.op === "retrying") failedAt.set(move.step, row.recordedAt.getTime());
    }
  }
}

/** When the timer of a row was due at the earliest, in epoch milliseconds; undefined: not known. */
function dueOf(
  { run, version }: WholeRun,
  { cause, moves }: StoredMoves,
  times: {
    readonly begunAt: ReadonlyMap<number, number>;
    readonly failedAt: ReadonlyMap<number, number>;
  },
): number | undefined {
  if (cause.id === "deadline") return run.deadlineAt?.getTime();
  // The step whose timer fired moves first; what follows from it comes after.
  const fired = moves.find((move): move is StepMove => move.of === "step");
  const step = version[fired?.step ?? -1];
  if (fired === undefined || step === undefined) return undefined;
  if (fired.op === "started") {
    const failed = times.failedAt.get(fired.step);
    return failed === undefined ? undefined : failed + pauseMs(step, fired.retry ?? 0);
  }
  const begun = times.begunAt.get(fired.step);
  if (begun === undefined || step.delaySeconds === "unknown") return undefined;
  const timeout = step.timeoutSeconds === 0 ? Infinity : step.timeoutSeconds;
  const delay = step.delaySeconds === "none" ? Infinity : step.delaySeconds;
  const first = Math.min(timeout, delay);
  return first === Infinity ? undefined : begun + first * 1000;
}

/** The shortest pause before this retry, counted from 1. */
function pauseMs({ backoffSeconds, backoffMultiplier }: VersionStep, retry: number): number {
  const multiplier = Math.max(1, backoffMultiplier);
  const plain = backoffSeconds * 1000 * multiplier ** Math.max(0, retry - 1) * SHORTEST_PAUSE;
  return Math.floor(Math.min(plain, LONGEST_PAUSE_MS));
}

/** A run of a schedule does not begin before its slot: `schedule:<definition>:<slot>`. */
function judgeSlot(findings: Findings, { run }: WholeRun): void {
  const [kind, , ...slot] = run.triggerEventId.split(":");
  const dueMs = kind === "schedule" ? Date.parse(slot.join(":")) : Number.NaN;
  if (Number.isNaN(dueMs)) return;
  findings.count("slots");
  const earlyMs = dueMs - run.createdAt.getTime();
  if (earlyMs > ROUNDED_MS) {
    findings.violate(`${run.id}: began ${earlyMs} ms before the slot of its schedule`);
  }
}
