/**
 * Whether batches are folded by what this replica knows before the database is asked, and by which time.
 * Boundary: knows the clock and what went wrong lately; the runs are committed-runs.ts's.
 * Invariants:
 * 1. The time is that of the database's clock as it was read last, and how long ago that was. It is behind that clock by the time
 *    that an answer takes, and never goes back, unless the database's clock did.
 * 2. Where another replica moves the same runs, what is kept is often old, and to fold by it is work for nothing. After a batch
 *    whose runs were not as they were kept, what is kept is compared first for a while.
 */
export class MemoryTrust {
  #offsets: readonly [current: Offset, before: Offset] = [UNKNOWN, UNKNOWN];
  #latestMs = 0;
  #restsUntilMs = 0;

  /** Notes the database's clock (epoch ms) that an answer has just brought. */
  noteClock(databaseMs: number): void {
    const nowMs = performance.now();
    const ms = databaseMs - nowMs;
    const [current, before] = this.#offsets;
    const offset = { ms, untilMs: nowMs + WINDOW_MS };
    // The quickest answer of a time shows the clock best. An answer after more than a second looks like a clock that was set back;
    // the next one shows which it was.
    if (ms < current.ms - STEP_MS) this.#offsets = [offset, UNKNOWN];
    else if (nowMs >= current.untilMs) this.#offsets = [offset, current];
    else if (ms > current.ms) this.#offsets = [{ ...current, ms }, before];
  }

  /** The database's clock; undefined where the database has to be asked. */
  nowMs(): number | undefined {
    const nowMs = performance.now();
    const [current, before] = this.#offsets;
    if (nowMs < this.#restsUntilMs || nowMs >= current.untilMs) return undefined;
    const isRecent = nowMs < before.untilMs + WINDOW_MS;
    const offsetMs = isRecent ? Math.max(current.ms, before.ms) : current.ms;
    const atMs = Math.floor(nowMs + offsetMs);
    const isBehind = atMs < this.#latestMs && this.#latestMs - atMs < STEP_MS;
    if (!isBehind) this.#latestMs = atMs;
    return this.#latestMs;
  }

  /** What was kept of a run was not as it is in the database. */
  noteStale(): void {
    this.#restsUntilMs = performance.now() + REST_MS;
  }
}

interface Offset {
  readonly ms: number;
  /** Until when it is made better by other answers. */
  readonly untilMs: number;
}

const UNKNOWN: Offset = { ms: Number.NEGATIVE_INFINITY, untilMs: Number.NEGATIVE_INFINITY };
/** In so much time the clocks of two machines part by less than a millisecond. */
const WINDOW_MS = 10_000;
/** A clock that is further back has been set back. */
const STEP_MS = 1_000;
const REST_MS = 1_000;
