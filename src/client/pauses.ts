/** Pauses between two tries. Boundary: times alone. */

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long to wait after the `failed`th failure in a row (from 1), in ms: at random, twice as much each time, and no less than asked. */
export function pauseAfter(failed: number, askedMs = 0): number {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** failed);
  return askedMs + (bound / 2) * (1 + Math.random());
}

/** Rejects with the signal's reason when it aborts. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
