/**
 * One large batch of the process at a time: encoding and writing it takes tens of milliseconds of the event loop, and all
 * lanes together may have many.
 * Boundary: order only. Work in a turn must not wait for another turn.
 */
import { setImmediate } from "node:timers/promises";

/** Settles when the last turn that was asked for is over and others have had the event loop. */
let lastTurn: Promise<unknown> = Promise.resolve();

/** Does the work after all large work that was asked for before; gives its result, or rejects as it does. */
export function inLargeTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const turn = lastTurn.then(work);
  lastTurn = turn.then(giveLoop, giveLoop);
  return turn;
}

async function giveLoop(): Promise<void> {
  // The first one still belongs to the turn when the work was ended by an answer of the network.
  await setImmediate();
  await setImmediate();
}
