/** CPU time of the thread that runs the event loop, in ms: what a busy machine or the garbage collector's threads do not change. */
import { readFileSync } from "node:fs";

/** CPU time so far; where the system does not list threads, that of the process. */
export function cpuMs(): number {
  try {
    return Number.parseInt(readFileSync("/proc/self/schedstat", "utf8"), 10) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}

/** The quickest of so many: the garbage collector and cold caches of a busy machine do not count, slow code does. */
const ROUNDS = 20;

/** CPU time that a piece of work takes. */
export function cpuMsOf(work: () => unknown): number {
  const beganMs = cpuMs();
  work();
  return cpuMs() - beganMs;
}

/** CPU time of the work at its quickest; done again only while it took longer than the limit. Throws what the work throws. */
export function quickestCpuMs(work: () => unknown, atMostMs: number): number {
  return quickest(() => cpuMsOf(work), atMostMs);
}

/** Like quickestCpuMs, of work in pieces: the CPU time of the longest piece of the round in which that was shortest. */
export function quickestPieceMs(begin: () => Iterator<unknown>, atMostMs: number): number {
  return quickest(() => {
    const pieces = begin();
    let longestMs = 0;
    let isDone = false;
    while (!isDone) {
      const tookMs = cpuMsOf(() => {
        isDone = pieces.next().done === true;
      });
      longestMs = Math.max(longestMs, tookMs);
    }
    return longestMs;
  }, atMostMs);
}

function quickest(measure: () => number, atMostMs: number): number {
  let quickestMs = measure();
  for (let round = 1; round < ROUNDS && quickestMs > atMostMs; round += 1) {
    quickestMs = Math.min(quickestMs, measure());
  }
  return quickestMs;
}
