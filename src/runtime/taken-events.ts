/**
 * Events that are kept by the commit of the runs that took them, where routing has not kept them before (routing/route-waits.ts).
 * Boundary: which inputs have an event to keep is routing's decision.
 */
import { keyOf } from "../process/short-memory.ts";
import type { EventToKeep } from "../store/events.ts";
import type { BatchItem, ItemResult } from "./batch-plan.ts";

/** The events of inputs that are applied, each once. `results` has one entry an item, in order. */
export function takenEventsOf(
  items: readonly BatchItem[],
  results: readonly ItemResult[],
): EventToKeep[] {
  const taken = new Set<EventToKeep>();
  for (const [place, { submission }] of items.entries()) {
    if (submission.kind !== "input" || submission.keep === undefined) continue;
    const result = results[place];
    if (result?.kind === "settled" && result.settled.reply.kind === "applied") {
      taken.add(submission.keep);
    }
  }
  // In one order, so that two commits that keep the same events do not wait for each other.
  return [...taken].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf({ workspaceId, id, source }: EventToKeep): string {
  return keyOf(workspaceId, id, source);
}
