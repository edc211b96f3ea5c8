/**
 * Runs that could not be begun, and are left out for a while.
 * Boundary: in memory of one replica, by its monotonic clock; when it is full the one that was left out first comes again.
 */

const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;
const AT_MOST = 1_000;

interface Failure {
  readonly failures: number;
  readonly untilMs: number;
}

/** See the file's head. */
export class LeftOutRuns {
  readonly #failed = new Map<string, Failure>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Leaves a run out: for a second after its first failure, twice as long after each further one, and 5 minutes at most. */
  leaveOut(id: string): void {
    const failures = (this.#failed.get(id)?.failures ?? 0) + 1;
    const pauseMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
    this.#failed.delete(id);
    this.#failed.set(id, { failures, untilMs: this.#nowMs() + pauseMs });
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > AT_MOST && oldest !== undefined) this.#failed.delete(oldest);
  }

  /** The run has begun, or waits no more. */
  forget(id: string): void {
    this.#failed.delete(id);
  }

  /** Those that are left out now. */
  ids(): string[] {
    const nowMs = this.#nowMs();
    return [...this.#failed].flatMap(([id, { untilMs }]) => (untilMs > nowMs ? [id] : []));
  }
}
