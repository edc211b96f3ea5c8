/** Lets go of what an attempt holds outside: its objective is asked to stop. Pure. */
import type { Draft } from "./draft.ts";

/** Asks the owner of the step's objective to cancel it, where one is known. */
export function releaseAttempt(draft: Draft, index: number, reason: string): void {
  if (!draft.hasRow(index)) return;
  const { objectiveId } = draft.peek(index);
  if (objectiveId === "") return;
  draft.call(index, { kind: "cancel_objective", objectiveId, reason });
}
