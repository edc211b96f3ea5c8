/**
 * Rounds: moments at which what is seldom worth a write of its own is done together.
 * Boundary: a timer, which runs only while somebody waits.
 */

/** The longest wait for a round, in ms. A person does not notice it. */
export const ROUND_MS = 100;

let round: Promise<undefined> | undefined;

/** Resolves at the next round, in the same turn of the event loop for all who wait. */
export function nextRound(): Promise<undefined> {
  round ??= new Promise((resolve) => {
    setTimeout(() => {
      round = undefined;
      resolve(undefined);
    }, ROUND_MS);
  });
  return round;
}
