/** Who waits for something to move, and is woken. Boundary: memory; what has moved is known to who wakes. */

/** The waiters of one thing. */
export type Wakes = Set<() => void>;

/** Wakes all who wait now. */
export function wakeAll(wakes: Wakes): void {
  for (const wake of [...wakes]) wake();
}

/** Resolves when one of the things wakes, `signal` aborts, or `withinMs` passed. */
export function woken(
  things: readonly Wakes[],
  signal: AbortSignal,
  withinMs: number,
): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      for (const wakes of things) wakes.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, withinMs);
    for (const wakes of things) wakes.add(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
