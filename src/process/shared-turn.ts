/**
 * Long work in pieces: between two pieces other work has the event loop.
 * Boundary: a piece is never interrupted. The caller divides the work and keeps each piece short.
 */
import { setImmediate } from "node:timers/promises";

const BUSY_MS_AT_MOST = 10;

/** Call it between two pieces. Resolves at once, or yields the event loop when the turn has lasted over 10 ms. */
export type ShareTurn = () => Promise<void>;

/** Begins a turn with the first piece of work. */
export function beginTurn(): ShareTurn {
  let beganAt = performance.now();
  return async () => {
    if (performance.now() - beganAt <= BUSY_MS_AT_MOST) return;
    // The first one still belongs to this turn when the work was begun by an answer of the network.
    await setImmediate();
    await setImmediate();
    beganAt = performance.now();
  };
}
