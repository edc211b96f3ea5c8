/**
 * Waiting for a promise until a signal aborts.
 *
 * Boundary: the reason of an abort is an error.
 */

/** The reason of an abort that the user asked for. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/** The promise's value; rejects with the signal's reason as soon as that aborts. */
export async function requireUntilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  // A promise that never settles does not keep the process alive by itself.
  const awake = setInterval(() => {}, 60_000);
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    clearInterval(awake);
    signal.removeEventListener("abort", onAbort);
  }
}
