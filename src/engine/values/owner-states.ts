/**
 * States of objectives and delegations, and what they mean for the step.
 * Boundary: names only (without the enum's prefix). steps/agent-action/ acts on them.
 */
const FINAL: ReadonlySet<string> = new Set([
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "REJECTED",
  "TIMED_OUT",
]);
const HELD_UP: ReadonlySet<string> = new Set(["BLOCKED", "AWAITING_APPROVAL"]);

/** Whether this state ends the owner's work. */
export function isFinalReport(state: string): boolean {
  return FINAL.has(state);
}

/** Whether this state is an end other than the owner's answer to a cancel, which a step requests when it leaves an object open. */
export function isResult(state: string): boolean {
  return isFinalReport(state) && state !== "CANCELLED";
}

/** The step's state while its owner is in this non-final state. */
export function openStateFor(state: string): "RUNNING" | "WAITING" {
  return HELD_UP.has(state) ? "WAITING" : "RUNNING";
}
