/**
 * What is written to the bus in one turn of the event loop, put together at its end: so it goes out in one write to the socket.
 * Boundary: knows nothing of what is done. A turn is a callback and all promises that it settles.
 */

let waiting: (() => void)[] = [];

/** Does the work at the end of this turn, in the order of the calls. It must not throw. */
export function atEndOfTurn(work: () => void): void {
  // A tick that a promise asks for comes when no promise is left to be settled.
  if (waiting.length === 0) queueMicrotask(() => process.nextTick(doAll));
  waiting.push(work);
}

function doAll(): void {
  const works = waiting;
  waiting = [];
  for (const work of works) work();
}
