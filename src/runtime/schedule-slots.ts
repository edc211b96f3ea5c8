/**
 * Which slot of a schedule is fired, and which one is next: by its line, its times, its overlap and what is open.
 * Boundary: pure; times are in ms since 1970. workflow-schedules.ts stores what is decided, fire-workflow-schedules.ts does it.
 */
import { createHash } from "node:crypto";
import { type CronLine, latestSlot, nextSlot } from "../engine/values/cron.ts";

/** What a slot does while a run of an earlier one is open; rows have their places. */
export const OVERLAPS = ["allow", "skip", "buffer_one", "buffer_all", "cancel_other"] as const;
/** One of them. */
export type Overlap = (typeof OVERLAPS)[number];

/** When a schedule has slots. */
export interface SlotTimes {
  readonly line: CronLine;
  readonly anchorMs: number;
  /** Infinity: for ever. */
  readonly toMs: number;
}

/** A schedule that is due. */
export interface DueSlot extends SlotTimes {
  /** The first slot that was not fired. */
  readonly slotMs: number;
  /** How much later than its slots it fires. */
  readonly delayMs: number;
  readonly overlap: Overlap;
  /** Undefined: the latest missed slot runs however old it is. */
  readonly catchUpMs: number | undefined;
  /** Whether a run of an earlier slot is open. */
  readonly isOpen: boolean;
}

/**
 * `start`: this slot, after those runs that are open were cancelled where `cancels`. `skip`: this slot and those before it, for a
 * reason. `wait`: nothing yet.
 */
export type SlotDecision =
  | {
      readonly kind: "start";
      readonly slotMs: number;
      readonly nextMs: number | undefined;
      readonly cancels: boolean;
    }
  | {
      readonly kind: "skip";
      readonly slotMs: number;
      readonly nextMs: number | undefined;
      readonly why: string;
    }
  | { readonly kind: "wait" };

const DAY_MS = 86_400_000;

/** What is done with a schedule that is due at this time. */
export function decideSlot(due: DueSlot, nowMs: number): SlotDecision {
  const { line, anchorMs, overlap, isOpen } = due;
  // A slot is over once its delay is; none lies at or after the end.
  const untilMs = Math.min(nowMs - due.delayMs, due.toMs - 1);
  const isInOrder = overlap === "buffer_all";
  const catchUpMs = due.catchUpMs ?? (isInOrder ? DAY_MS : Number.POSITIVE_INFINITY);
  const latestMs = latestSlot(line, anchorMs, due.slotMs, untilMs);
  const oldestMs = untilMs - catchUpMs;
  if (latestMs < oldestMs) {
    return { ...behind(due, latestMs), kind: "skip", why: "it was missed for too long" };
  }
  if (isOpen && overlap === "skip") {
    return { ...behind(due, latestMs), kind: "skip", why: "the run before it was open" };
  }
  if (isOpen && overlap !== "allow" && overlap !== "cancel_other") return { kind: "wait" };
  const slotMs = isInOrder ? firstFrom(due, oldestMs) : latestMs;
  return { ...behind(due, slotMs), kind: "start", cancels: isOpen && overlap === "cancel_other" };
}

/** The first slot after a time that is not at or after the end. */
export function slotAfter(
  { line, anchorMs, toMs }: SlotTimes,
  afterMs: number,
): number | undefined {
  const slotMs = nextSlot(line, anchorMs, afterMs);
  return slotMs !== undefined && slotMs < toMs ? slotMs : undefined;
}

/** Slots from a time on and before another, at most so many. */
export function slotsBetween(
  times: SlotTimes,
  fromMs: number,
  beforeMs: number,
  atMost: number,
): number[] {
  const slots: number[] = [];
  let slotMs = slotAfter(times, fromMs - 1);
  while (slotMs !== undefined && slotMs < beforeMs && slots.length < atMost) {
    slots.push(slotMs);
    slotMs = slotAfter(times, slotMs);
  }
  return slots;
}

/** How much later than its slots a schedule fires: the same at each of them, and another for each schedule. */
export function delayOf(id: string, jitterSeconds: number): number {
  if (jitterSeconds === 0) return 0;
  const drawn = createHash("sha256").update(id).digest().readUInt32BE();
  return drawn % (jitterSeconds * 1_000);
}

function firstFrom(due: DueSlot, oldestMs: number): number {
  if (due.slotMs >= oldestMs) return due.slotMs;
  return nextSlot(due.line, due.anchorMs, Math.ceil(oldestMs) - 1) ?? due.slotMs;
}

function behind(due: DueSlot, slotMs: number): { slotMs: number; nextMs: number | undefined } {
  return { slotMs, nextMs: slotAfter(due, slotMs) };
}
