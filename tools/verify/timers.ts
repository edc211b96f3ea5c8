/**
 * I11: a timer acts when it is due or later: timeouts, delays, points in time, escalations, pauses between attempts,
 * deadlines and slots of schedules.
 * Boundary: judges one run by its history. When a timer was due is reckoned from the version and from the times of
 * earlier rows; one whose time an expression gives is counted and not judged.
 * Invariant: of a step's two timers the one that fired is judged, told by what it did.
 */
import { parsePointInTime } from "../../src/engine/graph/point-in-time.ts";
import type { Json } from "../../src/engine/values/json.ts";
import type { Move } from "../../src/engine/values/move.ts";
import type { Findings } from "./report.ts";
import type { StoredMoves, VersionStep, WholeRun } from "./stored-runs.ts";

type StepMove = Extract<Move, { of: "step" }>;

/** Pauses between attempts vary by a tenth, and are a day long at most. */
const SHORTEST_PAUSE = 0.9;
const LONGEST_PAUSE_MS = 86_400_000;
/** Times of rows are rounded to a millisecond. */
const ROUNDED_MS = 1;
/** Every message of a timeout has these words. */
const TIMED_OUT = "timed out after ";

/** What the rows before say of the steps, times in epoch milliseconds. */
interface Earlier {
  readonly begunAt: Map<number, number>;
  readonly failedAt: Map<number, number>;
  /** When the attempt asked its latest approver, by an escalation. */
  readonly escalatedAt: Map<number, number>;
  /** Steps whose attempt recorded a decision: an owner may have ended a request before its time. */
  readonly decided: Set<number>;
}

/** Compares the times of a run's timers with when they were due. */
export function checkTimers(findings: Findings, whole: WholeRun): void {
  const { run, rows } = whole;
  findings.count("runs");
  judgeSlot(findings, whole);
  const earlier: Earlier = {
    begunAt: new Map(),
    failedAt: new Map(),
    escalatedAt: new Map(),
    decided: new Set(),
  };
  for (const row of rows) {
    const due = row.cause.kind === "timer" ? dueOf(whole, row, earlier) : undefined;
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
    for (const move of row.moves) if (move.of === "step") remember(earlier, row, move);
  }
}

function remember(earlier: Earlier, { cause, recordedAt }: StoredMoves, move: StepMove): void {
  const { step, op, note } = move;
  const atMs = recordedAt.getTime();
  if (op === "started") {
    earlier.begunAt.set(step, atMs);
    earlier.escalatedAt.delete(step);
    earlier.decided.delete(step);
  }
  if (op === "retrying") earlier.failedAt.set(step, atMs);
  if (note === "escalated") earlier.escalatedAt.set(step, atMs);
  if (note === "recorded" && cause.kind !== "timer") earlier.decided.add(step);
}

/** When the timer of a row was due at the earliest, in epoch milliseconds; undefined: not known. */
function dueOf(whole: WholeRun, row: StoredMoves, earlier: Earlier): number | undefined {
  const { run, version, steps } = whole;
  const isDeadline = row.moves.some((move) => move.of === "run" && move.reason === "deadline");
  if (row.cause.id === "deadline" || isDeadline) return run.deadlineAt?.getTime();
  // The step whose timer fired moves first; what follows from it comes after.
  const fired = row.moves.find((move): move is StepMove => move.of === "step");
  const step = version[fired?.step ?? -1];
  if (fired === undefined || step === undefined) return undefined;
  if (fired.op === "started") {
    const failed = earlier.failedAt.get(fired.step);
    return failed === undefined ? undefined : failed + pauseMs(step, fired.retry ?? 0);
  }
  const stored = steps.find(({ index }) => index === fired.step);
  const wentOn = fired.op === "completed" && stored?.timedOut === true;
  if (!wentOn && fired.error?.includes(TIMED_OUT) !== true) {
    if (step.stepType === "WAIT_FOR_EVENT") return waitDue(step, earlier.begunAt.get(fired.step));
    if (step.escalateAfter !== null) return escalationDue(step, fired.step, earlier);
  }
  const begun = earlier.begunAt.get(fired.step);
  return begun === undefined || step.timeoutSeconds === 0
    ? undefined
    : begun + step.timeoutSeconds * 1000;
}

/** A wait for a time. An attempt sets it as it begins. */
function waitDue({ delay, until }: VersionStep, begun: number | undefined): number | undefined {
  if (delay === null) return typeof until === "string" ? parsePointInTime(until) : undefined;
  const seconds = secondsOf(delay);
  return begun === undefined || seconds === undefined
    ? undefined
    : begun + Math.round(seconds * 1000);
}

/** A request is made as the attempt begins, or by an escalation, and expires so long after its owner has it. */
function escalationDue(step: VersionStep, index: number, earlier: Earlier): number | undefined {
  const seconds = secondsOf(step.escalateAfter);
  const begun = earlier.begunAt.get(index);
  if (begun === undefined || seconds === undefined || earlier.decided.has(index)) return undefined;
  // Of several requests the older ones may expire right after an escalation.
  const asked = step.approvers === 1 ? (earlier.escalatedAt.get(index) ?? begun) : begun;
  return asked + Math.ceil(seconds * 1000);
}

/** Seconds as authors write them, a number or its text; undefined: an expression. */
function secondsOf(value: Json): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
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
