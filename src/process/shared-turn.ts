/**
 * Long work in pieces: between two of them others have the event loop.
 * Boundary: a piece is never broken off; whoever cuts the work sees to it that none takes long.
 */
import { setImmediate } from "node:timers/promises";

const BUSY_MS_AT_MOST = 10;

/** Between two pieces: resolves at once, or after others have had the event loop when the last time was 10 ms ago. */
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
