/**
 * One call while this replica performs it: its age, its tries, its pauses.
 * Boundary: state and waiting; what to do is decided by finish-call.ts.
 */
import type { CallSeen } from "../../runtime/replica-view.ts";
import type { LeasedCall } from "../../runtime/submission.ts";

/** A call in hand. */
export class CallInHand {
  readonly call: LeasedCall;
  /** Tries that found the collaborator away. */
  tries = 0;
  /** Answers INTERNAL or UNKNOWN in a row. */
  internalAnswers = 0;
  /** What the last try that found the collaborator away failed with. */
  lastError = "";
  /** The lease is lost or the row is gone: no try more. */
  dropped = false;
  /** No step waits for it any more: it is not tried again and is settled as given up. */
  givenUp = false;
  /** The service stops: no try more, the call is released. */
  stopping = false;
  readonly #madeAtMs: number;
  #pauseEndsAtMs: number | undefined;
  #endPause: (() => void) | undefined;

  /** `ageMs` is the call's age by the database's clock, now. */
  constructor(call: LeasedCall, ageMs: number) {
    this.call = call;
    // Monotonic, so that a step of this machine's clock makes no call older.
    this.#madeAtMs = performance.now() - ageMs;
  }

  get ageMs(): number {
    return performance.now() - this.#madeAtMs;
  }

  /** The database's clock, as well as it is known here. */
  get nowMs(): number {
    return this.call.createdAtMs + this.ageMs;
  }

  /** As an Explain shows it. */
  get seen(): CallSeen {
    const { tries, lastError } = this;
    if (this.#pauseEndsAtMs === undefined) return { tries, lastError };
    return { tries, lastError, nextTryInMs: Math.max(0, this.#pauseEndsAtMs - performance.now()) };
  }

  /** Waits between two tries, or two commits of the result; `drop`, `giveUp` and `stop` end it. */
  pause(delayMs: number): Promise<void> {
    // One that is given up still waits for the commit of that: it must not try it without a pause.
    if (this.dropped || this.stopping) return Promise.resolve();
    this.#pauseEndsAtMs = performance.now() + delayMs;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#endPause = undefined;
        this.#pauseEndsAtMs = undefined;
        resolve();
      };
      const timer = setTimeout(end, delayMs);
      this.#endPause = end;
    });
  }

  drop(): void {
    this.dropped = true;
    this.#endPause?.();
  }

  giveUp(): void {
    this.givenUp = true;
    this.#endPause?.();
  }

  stop(): void {
    this.stopping = true;
    this.#endPause?.();
  }
}
