/**
 * Queues that have tasks and no worker: which of them have had none for so long that it is said.
 * Boundary: memory, by the clock that is given; looking and logging is queue-watch.ts.
 */

/** How long a queue with tasks may be without a worker. */
const UNSERVED_MS = 60_000;

/** See the file's head. */
export class UnservedQueues {
  readonly #unservedMs: number;
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, { readonly sinceMs: number; isSaid: boolean }>();

  constructor(unservedMs = UNSERVED_MS, nowMs: () => number = () => performance.now()) {
    this.#unservedMs = unservedMs;
    this.#nowMs = nowMs;
  }

  /**
   * Takes a look at all queues that have tasks, by subject. Gives those that are to be said now: each once, until a worker
   * comes or its tasks are done.
   */
  judge(looks: ReadonlyMap<string, { readonly workers: number }>): string[] {
    for (const subject of this.#entries.keys()) {
      if ((looks.get(subject)?.workers ?? 1) > 0) this.#entries.delete(subject);
    }
    const nowMs = this.#nowMs();
    const said: string[] = [];
    for (const [subject, { workers }] of looks) {
      if (workers > 0) continue;
      const entry = this.#entries.get(subject) ?? { sinceMs: nowMs, isSaid: false };
      this.#entries.set(subject, entry);
      if (entry.isSaid || nowMs - entry.sinceMs < this.#unservedMs) continue;
      entry.isSaid = true;
      said.push(subject);
    }
    return said;
  }
}
