/** The crash points that need a worker: no workload of the fault suite has workers yet. */
import type { CrashPoint } from "../../../../src/process/crash-points.ts";

/** See the file's head. */
export const WORKER_POINTS: ReadonlySet<CrashPoint> = new Set([
  "tasks.sending",
  "tasks.sent",
  "tasks.placed",
  "tasks.asked",
  "results.delivered",
  "results.committed",
  "results.acked",
]);
