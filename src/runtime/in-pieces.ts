/**
 * Long work of the engine, such as checking or compiling a version, beside everything else that the process does.
 * Boundary: drives pieces; who cuts the work sees to it that no piece takes long.
 * Invariants:
 * 1. One piece of work has the event loop for 10 ms at most, and for one piece more.
 * 2. Works take turns: between two turns, of one work or of several, everything else has the event loop. So the time
 *    that others wait does not grow with the number of works.
 */
import { setImmediate } from "node:timers/promises";
import type { Pieces } from "../engine/graph/parse-texts.ts";

const TURN_MS_AT_MOST = 10;

/** Settles when the last turn that was asked for is over. */
let lastTurn: Promise<void> = Promise.resolve();

/** Does the work in turns; gives its result. */
export async function inPieces<Result>(pieces: Pieces<Result>): Promise<Result> {
  for (;;) {
    const before = lastTurn;
    const turn = before.then(() => takeTurn(pieces));
    // The next work waits for others to have the event loop, whatever becomes of this one.
    lastTurn = turn.then(giveLoop, giveLoop);
    const last = await turn;
    if (last.done === true) return last.value;
  }
}

function takeTurn<Result>(pieces: Pieces<Result>): IteratorResult<undefined, Result> {
  const beganAt = performance.now();
  for (;;) {
    const next = pieces.next();
    if (next.done === true || performance.now() - beganAt > TURN_MS_AT_MOST) return next;
  }
}

async function giveLoop(): Promise<void> {
  // The first one still belongs to the turn when the work was begun by an answer of the network.
  await setImmediate();
  await setImmediate();
}
