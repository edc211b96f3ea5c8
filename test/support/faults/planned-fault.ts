/** A fault at a crash point, as a test plans it for one process. */
import type { CrashPoint } from "../../../src/process/crash-points.ts";

/**
 * `kill` and `stop` are SIGKILL and SIGSTOP of the process by itself; the test resumes it. `throw` is a fault of ours.
 * `delay` takes `ms`. `lose` is the break of a connection before its answer is read.
 */
type FaultMode = "kill" | "stop" | "throw" | "delay" | "lose";

/** See the file's head. */
export interface PlannedFault {
  readonly point: CrashPoint;
  /** Only visits with this detail count; all of them unless given. */
  readonly detail?: string;
  /** At which visit it happens, from 1. */
  readonly hit: number;
  /** It happens at each later visit too, also of the next process, until another plan comes. */
  readonly lasts?: true;
  readonly mode: FaultMode;
  readonly ms?: number;
}
