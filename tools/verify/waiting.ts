/**
 * I7: each run has ended, or waits for something that is held open: a person, an event, a timer, an object of another
 * service, a worker, a child run.
 * Boundary: judges one run that nothing moves at the moment; what the other services hold open is known to the caller.
 */
import { isFinalRun, isFinalStep } from "../../src/engine/values/run.ts";
import type { Findings } from "./report.ts";
import type { StoredStep, WholeRun } from "./stored-runs.ts";

/** What a run may wait for. */
export interface HeldOpen {
  /** By the database's clock. */
  readonly now: Date;
  /** Whether the object with this id may still be decided by its owner. */
  readonly isOpen: (objectId: string) => boolean;
}

/** Finds a run that has not ended and waits for nothing. */
export function checkWaiting(findings: Findings, whole: WholeRun, held: HeldOpen): void {
  const { run } = whole;
  findings.count(isFinalRun(run.state) ? "ended runs" : "open runs");
  for (const why of unheldOf(whole, held)) findings.violate(`${run.id}: ${why}`);
}

/** What of the run waits for nothing, in words; empty when the run has ended or everything is held. */
export function unheldOf(whole: WholeRun, held: HeldOpen): string[] {
  const { run, steps } = whole;
  if (isFinalRun(run.state)) {
    return whole.calls.map(({ id }) => `has ended, and its call ${id} has no result`);
  }
  // The one who paused it resumes it.
  if (run.state === "PAUSED") return [];
  // It waits for its turn: an open run of its key holds it.
  if (run.state === "PENDING") return [];
  if (run.pending !== null && run.pending.length > 0) return [`is ${run.state} with pending work`];
  const open = steps.filter(({ state }) => !isFinalStep(state));
  if (open.length === 0) {
    return steps.some(({ hasOpenChild }) => hasOpenChild)
      ? []
      : [`is ${run.state} and no step of it is open`];
  }
  return open
    .filter((step) => !isHeld(whole, step, open.length, held))
    .map(({ index, state }) => {
      const { id = "" } = whole.version[index] ?? {};
      return `is ${run.state}; its step ${index} (${id}) is ${state} and waits for nothing`;
    });
}

function isHeld(
  { run, version }: WholeRun,
  step: StoredStep,
  openSteps: number,
  { now, isOpen }: HeldOpen,
): boolean {
  const { objectiveId, delegationId, approvalRequestId, ticketIds } = step;
  const objects = [objectiveId, delegationId, approvalRequestId, ...(ticketIds ?? [])];
  if (step.waitKey !== null || step.hasOpenChild) return true;
  if (step.wakeAt !== null && step.wakeAt > now) return true;
  if (objects.some((id) => id !== null && isOpen(id))) return true;
  const { id = "", stepType } = version[step.index] ?? {};
  if (step.hasTask && isOpen(`${run.id}/${id}/${step.retryCount + 1}`)) return true;
  switch (stepType) {
    case "HUMAN_TASK":
      return step.state === "WAITING";
    case "PARALLEL":
      // Its children hold it, and each of them is judged by itself.
      return openSteps > 1;
    default:
      return false;
  }
}
