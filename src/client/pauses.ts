/** Pauses between two tries, and ends of waiting. Boundary: times alone. */

const FIRST_MS = 100;
const LONGEST_MS = 5_000;
/** A longer one fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How long to wait after the `failed`th failure in a row (from 1), in ms: at random, twice as much each time, and no less than asked. */
export function pauseAfter(failed: number, askedMs = 0): number {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** failed);
  return askedMs + (bound / 2) * (1 + Math.random());
}

/** Settles as the work does; rejects with what `late` gives after so many ms, and with the signal's reason when it aborts. */
export async function within<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  const own = new AbortController();
  const signals = signal === undefined ? own.signal : AbortSignal.any([own.signal, signal]);
  const over = pause(Math.min(ms, LONGEST_TIMER_MS), signals).then(() => {
    throw late();
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    own.abort();
  }
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
