/** Changes that come in a row are answered together. Boundary: times alone. */

/** What asks for changes, and how to end it. */
export interface Settled {
  /** Something has changed. */
  changed(): void;
  stop(): void;
}

/** Does the work a while after a change; never twice at once, and once more when something has changed meanwhile. */
export function settled(afterMs: number, work: () => Promise<unknown>): Settled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let hasMore = false;
  const run = async () => {
    hasMore = false;
    await work().catch(() => undefined);
    timer = undefined;
    if (hasMore) changed();
  };
  const changed = () => {
    hasMore = true;
    if (!isStopped) timer ??= setTimeout(run, afterMs);
  };
  return {
    changed,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
