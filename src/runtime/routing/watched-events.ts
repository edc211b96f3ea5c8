/**
 * Which runs take an event while it is routed: an open wait may find it among the kept events by itself, before routing
 * finds the wait.
 * Boundary: submissions of this replica. A wait that another replica opened and that finds the event first is not seen.
 */
import type { Settled, Submission } from "../submission.ts";

/** The submissions of one event from the beginning of the watch on. */
export interface EventWatch {
  /** Ends the watch and gives the ids of the runs that took the event, each once, after their commits. */
  takers(): Promise<string[]>;
}

/** See the file's head. */
export class WatchedEvents {
  readonly #watches = new Map<string, Set<Promise<Settled>[]>>();

  watch(workspaceId: string, eventId: string): EventWatch {
    const key = keyOf(workspaceId, eventId);
    const settling: Promise<Settled>[] = [];
    const watches = this.#watches.get(key) ?? new Set();
    this.#watches.set(key, watches.add(settling));
    return {
      takers: async () => {
        watches.delete(settling);
        if (watches.size === 0 && this.#watches.get(key) === watches) this.#watches.delete(key);
        const settled = await Promise.allSettled(settling);
        const taken = settled.flatMap((each) =>
          each.status === "fulfilled" && each.value.reply.kind === "applied"
            ? [each.value.runId]
            : [],
        );
        return [...new Set(taken)];
      },
    };
  }

  /** Notes a submission, where its event is watched. */
  note(submission: Submission, settling: Promise<Settled>): void {
    if (this.#watches.size === 0 || submission.kind !== "input") return;
    const { input, workspaceId } = submission;
    if (input.kind !== "event_arrived") return;
    const watches = this.#watches.get(keyOf(workspaceId, input.event.id)) ?? [];
    for (const watch of watches) watch.push(settling);
  }
}

function keyOf(workspaceId: string, eventId: string): string {
  return JSON.stringify([workspaceId, eventId]);
}
