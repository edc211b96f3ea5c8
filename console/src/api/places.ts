/**
 * Places for streams of this origin: a browser opens six connections to one, over all its tabs, and calls need some of them.
 * Boundary: Web Locks, which end with their tab. Over HTTP/2, or without them, there is no bound. A browser that blocks site data refuses them.
 */

/** Streams of runs at once. The inbox has one more, and three connections are left for calls. */
const PLACES = 2;
const NAME = "workflows.stream";

/** Takes a place. Gives what gives it back; undefined: all are taken. */
export async function takePlace(): Promise<(() => void) | undefined> {
  if (!isBounded() || navigator.locks === undefined) return () => undefined;
  for (let place = 1; place <= PLACES; place += 1) {
    const leave = await tryLock(`${NAME}.${place}`).catch(() => () => undefined);
    if (leave !== undefined) return leave;
  }
  return undefined;
}

function isBounded(): boolean {
  const [entry] = performance.getEntriesByType("navigation");
  const protocol = entry instanceof PerformanceNavigationTiming ? entry.nextHopProtocol : "";
  return protocol === "" || protocol.startsWith("http/1");
}

function tryLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((give, fail) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) return give(undefined);
        return new Promise<void>((leave) => give(leave));
      })
      .catch(fail);
  });
}
