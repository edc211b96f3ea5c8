/** Lets go of what an attempt holds outside: its objective is asked to stop. Pure. */
import type { Draft } from "./draft.ts";

/** Asks the owner of the step's objective to cancel it, where one is known. */
export function releaseAttempt(draft: Draft, index: number, reason: string): void {
  if (!draft.hasRow(index)) return;
  const { objectiveId, detail } = draft.peek(index);
  // An attempt of which only the cost is asked for has ended: its objective did too, or was asked to stop then.
  if (objectiveId === "" || detail.pendingEnd?.end !== undefined) return;
  draft.call(index, { kind: "cancel_objective", objectiveId, reason });
}
