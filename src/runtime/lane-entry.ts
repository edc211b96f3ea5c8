/**
 * A submission in its lane, from the moment it is taken until its caller is answered.
 * Boundary: answers one caller; work-off.ts decides what comes of a batch.
 * Invariant: a submission waits for a lost connection or a foreign lock PATIENCE_MS at most, then it is refused.
 */
import { Refusal } from "../process/refusal.ts";
import type { ItemResult } from "./batch-plan.ts";
import type { Settled, Submission } from "./submission.ts";

/** See the file's head. */
export interface LaneEntry {
  readonly runId: string;
  readonly submission: Submission;
  readonly takenAtMs: number;
  resolve(settled: Settled): void;
  reject(error: unknown): void;
}

const PATIENCE_MS = 5_000;

/** Workspaces take turns in a lane; where a caller names none, the calls without one share a turn. */
export function workspaceOf({ submission }: LaneEntry): string {
  return submission.kind === "start" ? submission.start.workspaceId : submission.workspaceId;
}

/** Answers the caller and gives false, or gives true when the submission is to be retried. */
export function comesAgain(entry: LaneEntry, result: ItemResult | undefined): boolean {
  if (result === undefined || result.kind === "later") return true;
  if (result.kind === "locked") return waitsOn(entry, "lost_race", undefined);
  if (result.kind === "settled") entry.resolve(result.settled);
  else entry.reject(result.error);
  return false;
}

/** Whether a submission comes again; one that has waited too long is refused. */
export function waitsOn(
  entry: LaneEntry,
  reason: "lost_race" | "unavailable",
  cause: unknown,
): boolean {
  if (performance.now() - entry.takenAtMs < PATIENCE_MS) return true;
  refuse(entry, reason, cause);
  return false;
}

/** Refuses a submission that may be made again. */
export function refuse(
  entry: LaneEntry,
  reason: "lost_race" | "unavailable",
  cause: unknown,
): void {
  const message =
    reason === "lost_race"
      ? "another transaction is changing the run"
      : "the database cannot be reached";
  entry.reject(new Refusal(reason, message, cause === undefined ? {} : { cause }));
}

/** Refuses a submission that found its lane full, or was pushed out of it. */
export function refuseOverloaded(entry: LaneEntry): void {
  entry.reject(new Refusal("overloaded", "too many changes of runs are waiting"));
}
