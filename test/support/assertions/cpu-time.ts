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

/** CPU time that a piece of work takes. */
export function cpuMsOf(work: () => unknown): number {
  const beganMs = cpuMs();
  work();
  return cpuMs() - beganMs;
}
