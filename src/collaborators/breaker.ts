/**
 * The circuit breaker of one collaborator: after failures in a row it is left alone, then asked with one call.
 * Boundary: a small state machine; time (monotonic ms) comes from the caller.
 * Invariant: while the breaker is open at most one call, the probe, is out.
 */

const FAILURES_TO_OPEN = 5;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 10_000;

/** The state of one collaborator's breaker. */
export interface Breaker {
  /** Milliseconds until a call may be sent; 0 = now, Infinity = the probe's end is awaited. */
  waitMs(nowMs: number): number;
  /** A call is about to be sent; it must be followed by one of the next three. */
  begin(): void;
  succeeded(): void;
  failed(nowMs: number): void;
  /** A call ended that says nothing about the collaborator. */
  withdrawn(): void;
  readonly isOpen: boolean;
}

/** Makes a closed breaker: opens after 5 failures in a row, probes after 1 s growing to 10 s. */
export function createBreaker(): Breaker {
  let failures = 0;
  let restMs = 0;
  let openUntilMs = 0;
  let probing = false;
  return {
    get isOpen() {
      return restMs > 0;
    },
    waitMs(nowMs) {
      if (restMs === 0) return 0;
      return probing ? Number.POSITIVE_INFINITY : Math.max(0, openUntilMs - nowMs);
    },
    begin() {
      probing = restMs > 0;
    },
    succeeded() {
      failures = 0;
      restMs = 0;
      probing = false;
    },
    failed(nowMs) {
      failures += 1;
      if (restMs > 0 ? !probing : failures < FAILURES_TO_OPEN) return;
      restMs = restMs === 0 ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, restMs * 2);
      openUntilMs = nowMs + restMs;
      probing = false;
    },
    withdrawn() {
      probing = false;
    },
  };
}
