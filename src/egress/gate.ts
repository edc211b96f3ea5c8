/**
 * The gate before one collaborator: so many calls at a time, the others wait, all wait while its breaker is open.
 * Boundary: in memory only; a call that finds no room is NotSent and stays in its table.
 * Invariants:
 * 1. At most `concurrency` calls are open, at most WAITING_AT_MOST wait, first come first served.
 * 2. A collaborator that hangs holds up nobody but its own callers.
 * 3. A caller who can go on without an answer is turned away rather than kept waiting; it may still be the probe.
 */
import type { Breaker } from "./breaker.ts";
import { createBreaker } from "./breaker.ts";
import { CallFailure, NoTurn, NotSent } from "./call-failure.ts";
import { countsAgainstCollaborator } from "./call-policy.ts";

/** The gate of one collaborator. */
export interface Gate {
  /** Runs the call when its turn comes. Rejects as it does, or with NotSent. */
  run<T>(call: () => Promise<T>): Promise<T>;
  /** As run, but NoTurn while the collaborator is left alone and when the turn does not come within half a second. */
  runSoon<T>(call: () => Promise<T>): Promise<T>;
  /** Sends nothing more; those that wait are NotSent. */
  close(): void;
}

const WAITING_AT_MOST = 2_000;
const SOON_MS = 500;

interface Waiter {
  enter(): void;
  turnAway(): void;
  /** It gave up; its place in the line is empty. */
  hasLeft: boolean;
}

/** Makes a gate; `onBreaker` hears when the collaborator is left alone (true) and taken up again (false). */
export function createGate(
  concurrency: number,
  onBreaker: (open: boolean) => void,
  breaker: Breaker = createBreaker(),
): Gate {
  const waiting = new WaitingLine();
  let out = 0;
  let closed = false;
  let wake: NodeJS.Timeout | undefined;

  const mayEnter = () => out < concurrency && breaker.waitMs(performance.now()) === 0;
  const admit = () => {
    while (waiting.size > 0 && mayEnter()) {
      const next = waiting.shift();
      if (next?.hasLeft === false) enter(next);
    }
    const waitMs = waiting.size === 0 ? Infinity : breaker.waitMs(performance.now());
    if (waitMs > 0 && waitMs < Infinity && wake === undefined) {
      wake = setTimeout(() => {
        wake = undefined;
        admit();
      }, waitMs);
    }
  };
  const enter = (waiter: Waiter | undefined) => {
    out += 1;
    breaker.begin();
    waiter?.enter();
  };
  const leave = (judge: () => void) => {
    out -= 1;
    const wasOpen = breaker.isOpen;
    judge();
    if (breaker.isOpen !== wasOpen) onBreaker(breaker.isOpen);
    admit();
  };

  async function run<T>(call: () => Promise<T>): Promise<T> {
    if (closed) throw new NotSent("the service stops");
    if (waiting.size === 0 && mayEnter()) enter(undefined);
    else await takeTurn();
    return finish(call);
  }

  async function runSoon<T>(call: () => Promise<T>): Promise<T> {
    if (closed) throw new NotSent("the service stops");
    if (mayEnter()) enter(undefined);
    else await takeTurnSoon();
    return finish(call);
  }

  async function finish<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      leave(() => breaker.succeeded());
      return result;
    } catch (error) {
      leave(() => judgeEnd(breaker, error));
      throw error;
    }
  }

  function takeTurn(): Promise<void> {
    if (waiting.size >= WAITING_AT_MOST) throw new NotSent("too many calls wait");
    return new Promise((resolve, reject) => {
      const turnAway = () => reject(new NotSent("the service stops"));
      waiting.push({ enter: resolve, turnAway, hasLeft: false });
      admit();
    });
  }

  function takeTurnSoon(): Promise<void> {
    if (breaker.isOpen) throw new NoTurn("the collaborator is left alone");
    if (waiting.size >= WAITING_AT_MOST) throw new NoTurn("too many calls wait");
    return new Promise((resolve, reject) => {
      const leave = setTimeout(() => {
        waiter.hasLeft = true;
        reject(new NoTurn(`no turn within ${SOON_MS} ms`));
      }, SOON_MS);
      const waiter: Waiter = {
        enter() {
          clearTimeout(leave);
          resolve();
        },
        turnAway() {
          clearTimeout(leave);
          reject(new NotSent("the service stops"));
        },
        hasLeft: false,
      };
      waiting.push(waiter);
    });
  }

  return {
    run,
    runSoon,
    close() {
      closed = true;
      clearTimeout(wake);
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next.turnAway();
    },
  };
}

function judgeEnd(breaker: Breaker, error: unknown): void {
  if (!(error instanceof CallFailure)) breaker.withdrawn();
  else if (countsAgainstCollaborator(error)) breaker.failed(performance.now());
  else breaker.succeeded();
}

/** First in, first out, without moving all that wait at every step. */
class WaitingLine {
  #items: (Waiter | undefined)[] = [];
  #head = 0;
  get size(): number {
    return this.#items.length - this.#head;
  }
  push(waiter: Waiter): void {
    this.#items.push(waiter);
  }
  shift(): Waiter | undefined {
    if (this.size === 0) return undefined;
    const first = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 256 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}
