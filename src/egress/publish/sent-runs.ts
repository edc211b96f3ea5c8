/**
 * How far this replica has sent the events of runs: what follows them need not be looked for in the outbox.
 * Boundary: in memory and bounded. A run that is not known here is listed.
 * Invariant: of a run that is known, the stream has acknowledged the events of all rows up to its sequence.
 */
import { isFinalRun } from "../../engine/values/run.ts";
import type { KeptRun } from "./kept-batches.ts";

/** Runs in flight at a replica, and more. */
const RUNS_AT_MOST = 10_000;

/** See the file's head. */
export class SentRuns {
  // In the order of sending.
  readonly #seqs = new Map<string, number>();

  /** All events of a batch with these runs are acknowledged. */
  note(runs: readonly Pick<KeptRun, "run" | "rows">[]): void {
    for (const { run, rows } of runs) {
      this.#seqs.delete(run.id);
      const seq = rows.at(-1)?.seq;
      if (seq === undefined || isFinalRun(run.state)) continue;
      if (this.#seqs.size >= RUNS_AT_MOST) this.#dropOldest();
      this.#seqs.set(run.id, seq);
    }
  }

  /** Whether each run of these batches, in their order, goes on where it was sent last: no row of it is left out. */
  goOnWith(batches: Iterable<readonly Pick<KeptRun, "run" | "rows">[]>): boolean {
    const reached = new Map<string, number>();
    for (const runs of batches) {
      for (const { run, rows } of runs) {
        for (const { seq } of rows) {
          // The first row of a run has the sequence 1.
          const last = reached.get(run.id) ?? this.#seqs.get(run.id) ?? 0;
          if (seq !== last + 1) return false;
          reached.set(run.id, seq);
        }
      }
    }
    return true;
  }

  /** The stream may have lost what was acknowledged. */
  clear(): void {
    this.#seqs.clear();
  }

  #dropOldest(): void {
    const [oldest] = this.#seqs.keys();
    if (oldest !== undefined) this.#seqs.delete(oldest);
  }
}
