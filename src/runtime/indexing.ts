/**
 * Sees to it that the database has the indexes that the service declares, beside the running service.
 * Boundary: when to try; how an index is built is store/indexes.ts. Without an index the service works, more slowly.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../process/log.ts";
import { buildIndexes } from "../store/indexes.ts";

const AGAIN_MS = 30_000;

/**
 * Builds what is missing, tries again while that fails or another replica is at it, then ends. `stop` cuts a build off.
 */
export function startIndexing(deps: { readonly url: string; readonly log: Log }): {
  stop(): Promise<void>;
} {
  const ending = new AbortController();
  const running = tryOnAndOn(deps, ending.signal);
  return {
    async stop() {
      ending.abort();
      await running;
    },
  };
}

async function tryOnAndOn(
  { url, log }: { readonly url: string; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if (await buildIndexes({ url, log, signal })) return;
    } catch (error) {
      if (signal.aborted) return;
      log.warn("an index could not be built; it is tried again", { error });
    }
    await sleep(AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
