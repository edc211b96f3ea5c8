/**
 * The turns of calls at one collaborator: how many are open, and which wait for a place or for the breaker.
 * Boundary: counts and wakes; gate.ts decides which call may wait, and how long.
 */
import { TurnQueue } from "../process/turn-queue.ts";
import type { Breaker } from "./breaker.ts";

/** A call that waits. */
export interface Waiter {
  enter(): void;
  turnAway(): void;
}

/** Open and waiting calls. `onBreaker` is called with true when the breaker opens and with false when it closes. */
export class Turns {
  readonly #openAtMost: number;
  readonly #breaker: Breaker;
  readonly #onBreaker: (open: boolean) => void;
  readonly #waiting = new TurnQueue<Waiter>();
  #open = 0;
  #wake: NodeJS.Timeout | undefined;

  constructor(openAtMost: number, breaker: Breaker, onBreaker: (open: boolean) => void) {
    this.#openAtMost = openAtMost;
    this.#breaker = breaker;
    this.#onBreaker = onBreaker;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }
  /** How long the breaker stays open, in ms; 0: until the probe has ended; undefined: it is closed. */
  get restMs(): number | undefined {
    if (!this.#breaker.isOpen) return undefined;
    const waitMs = this.#breaker.waitMs(performance.now());
    return waitMs === Number.POSITIVE_INFINITY ? 0 : waitMs;
  }
  /** Whether a call may begin now. */
  get isFree(): boolean {
    return this.#open < this.#openAtMost && this.#breaker.waitMs(performance.now()) === 0;
  }

  begin(): void {
    this.#open += 1;
    this.#breaker.begin();
  }
  /** Ends a call; `judge` reports to the breaker how it ended. */
  end(judge: () => void): void {
    this.#open -= 1;
    const wasOpen = this.#breaker.isOpen;
    judge();
    if (this.#breaker.isOpen !== wasOpen) this.#onBreaker(this.#breaker.isOpen);
    this.admit();
  }

  push(workspaceId: string, waiter: Waiter): void {
    this.#waiting.push(workspaceId, waiter);
  }
  remove(workspaceId: string, waiter: Waiter): void {
    this.#waiting.remove(workspaceId, waiter);
  }
  /** Begins those that may; while the breaker is open, again when it lets a call through. */
  admit(): void {
    while (this.waiting > 0 && this.isFree) {
      const waiter = this.#waiting.shift();
      this.begin();
      waiter?.enter();
    }
    const waitMs = this.waiting === 0 ? Infinity : this.#breaker.waitMs(performance.now());
    if (waitMs > 0 && waitMs < Infinity) {
      this.#wake ??= setTimeout(() => {
        this.#wake = undefined;
        this.admit();
      }, waitMs);
    }
  }

  /** Turns away all that wait. */
  close(): void {
    clearTimeout(this.#wake);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.turnAway();
    }
  }
}
