/** How many tasks begin in a second. Boundary: a clock and a sum; who waits is elsewhere. */

/** How late a timer may be: many steps of a high rate, which are caught up with. */
const LATE_MS = 20;

/** See the file's head. */
export class BeginPace {
  readonly #stepMs: number;
  #nextMs = 0;

  /** `rate` in tasks a second; Infinity: no limit. */
  constructor(rate: number) {
    this.#stepMs = 1_000 / rate;
  }

  /** 0: a task begins now, and is counted. Else how long none may begin, in ms. */
  take(nowMs = performance.now()): number {
    if (this.#stepMs === 0) return 0;
    if (nowMs < this.#nextMs) return this.#nextMs - nowMs;
    const lateMs = this.#stepMs < LATE_MS ? LATE_MS : 0;
    this.#nextMs = Math.max(this.#nextMs, nowMs - lateMs) + this.#stepMs;
    return 0;
  }
}
