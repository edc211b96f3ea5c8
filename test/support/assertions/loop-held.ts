/**
 * How long one piece of work holds the event loop of this process, and how long it may.
 * Boundary: the work is done by this process alone and one piece at a time; the test's own part of it must be small.
 */
import { availableParallelism, loadavg } from "node:os";
import { cpuMs, cpuMsOf } from "./cpu-time.ts";

const CALIBRATION_MS = 100;
const FREE_SHARE = 0.8;
const TICK_MS = 2;
/** What a piece of work may take on a quiet machine. */
export const QUIET_MS = 50;
const LOADED_MS = 200;
/** The quickest of so many: the garbage collector does not count. */
const ROUNDS = 12;

/** CPU time that may pass between two turns of the loop: more where other processes want the CPU, and empty its caches. */
function loopLimitMs(): number {
  const [perMinute = 0] = loadavg();
  return perMinute > availableParallelism() || share() < FREE_SHARE ? LOADED_MS : QUIET_MS;
}

/** The share of a CPU that busy work gets. */
function share(): number {
  const beganMs = performance.now();
  const busyMs = cpuMsOf(() => {
    while (performance.now() - beganMs < CALIBRATION_MS);
  });
  return busyMs / (performance.now() - beganMs);
}

/** Throws when a piece of work takes longer, at its quickest, than it may hold the loop. */
export function requireBrief(quickestMs: number): void {
  if (quickestMs <= QUIET_MS) return;
  const limitMs = loopLimitMs();
  if (quickestMs > limitMs) throw heldFor(quickestMs, limitMs);
}

function heldFor(ms: number, limitMs: number): Error {
  return new Error(`the event loop was held for ${Math.round(ms)} ms of ${limitMs}`);
}

/** CPU time of the longest turn of the loop during the work. */
async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longestMs = 0;
  let sinceMs = cpuMs();
  const look = () => {
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - sinceMs);
    sinceMs = nowMs;
  };
  const timer = setInterval(look, TICK_MS);
  try {
    await work();
  } finally {
    look();
    clearInterval(timer);
  }
  return longestMs;
}

/**
 * Does the work, and again while it holds the loop for longer than the limit; throws when it always does.
 * Gives what the first time gave.
 */
export async function withoutHolding<Result>(work: () => Promise<Result>): Promise<Result> {
  const beganMs = cpuMs();
  const result = await work();
  const totalMs = cpuMs() - beganMs;
  if (totalMs <= QUIET_MS) return result;
  const limitMs = loopLimitMs();
  let shortestMs = totalMs;
  for (let round = 0; round < ROUNDS && shortestMs > limitMs; round += 1) {
    shortestMs = Math.min(shortestMs, await longestTurnMs(work));
  }
  if (shortestMs > limitMs) throw heldFor(shortestMs, limitMs);
  return result;
}
