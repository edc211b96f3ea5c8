/**
 * States of objectives and delegations, as far as they say what becomes of the step.
 * Boundary: names only (without the enum's prefix); what a step does is steps/agent-action/behaviour.ts's.
 */
const FINAL: ReadonlySet<string> = new Set([
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "REJECTED",
  "TIMED_OUT",
]);
const HELD_UP: ReadonlySet<string> = new Set(["BLOCKED", "AWAITING_APPROVAL"]);

/** Whether an owner that reports this state has ended its work. */
export function isFinalReport(state: string): boolean {
  return FINAL.has(state);
}

/** The state in which a step is shown while its owner is in this one, which is not final. */
export function openStateFor(state: string): "RUNNING" | "WAITING" {
  return HELD_UP.has(state) ? "WAITING" : "RUNNING";
}
