/**
 * The timers of scripted agents and approvers: all of them end with the sandbox.
 *
 * Boundary: the only place in the sandbox that waits for time to pass.
 */

/** Sets timers and forgets them all at once. */
export interface Timers {
  /** Runs `action` once, `delayMs` from now; the returned function takes it back. */
  after(delayMs: number, action: () => void): () => void;
  /** Takes back every timer; later ones are refused silently, for their owner has stopped. */
  stop(): void;
}

/** Makes timers; an error thrown by an action goes to `log`, it has no other reader. */
export function makeTimers(log: (line: string) => void): Timers {
  const open = new Set<NodeJS.Timeout>();
  let stopped = false;
  return {
    after(delayMs, action) {
      if (stopped) return () => {};
      const timer = setTimeout(() => {
        open.delete(timer);
        try {
          action();
        } catch (error) {
          log(`a scripted action failed: ${error instanceof Error ? error.stack : String(error)}`);
        }
      }, delayMs);
      open.add(timer);
      return () => {
        open.delete(timer);
        clearTimeout(timer);
      };
    },
    stop() {
      stopped = true;
      for (const timer of open) clearTimeout(timer);
      open.clear();
    },
  };
}
