/**
 * One large batch of the process at a time: encoding and writing it takes tens of milliseconds of the event loop, and
 * all lanes together may have many.
 * Boundary: order only. Work in a turn must not wait for another turn.
 * Invariant: a turn keeps the others waiting for a bounded time, whatever its work waits for; the work itself goes on.
 */
import { setImmediate } from "node:timers/promises";

const TURN_AT_MOST_MS = 1_000;

/** Runs large work, one after the other. */
export type LargeTurns = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Turns of one process. `atMostMs` is how long a turn keeps the next one waiting, 1 s unless given. */
export function createLargeTurns(atMostMs = TURN_AT_MOST_MS): LargeTurns {
  let lastTurn: Promise<void> = Promise.resolve();
  return (work) => {
    const result = lastTurn.then(work);
    lastTurn = lastTurn.then(() => endOfTurn(result, atMostMs));
    return result;
  };
}

async function endOfTurn(result: Promise<unknown>, atMostMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, atMostMs).unref();
    const end = () => {
      clearTimeout(limit);
      resolve();
    };
    result.then(end, end);
  });
  // The first one still belongs to the turn when the work was ended by an answer of the network.
  await setImmediate();
  await setImmediate();
}
