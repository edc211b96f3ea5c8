/**
 * Drops what is kept for a time only: events and early reports that no wait or call can want any more, keys of callers.
 *
 * Boundary: a standing timer. A sweep that fails is logged; the next one does its work.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { dropOldKeys } from "../store/caller-keys.ts";
import type { Database } from "../store/database.ts";
import { dropOldEvents } from "../store/events.ts";
import type { Log } from "./log.ts";

const KEPT_SECONDS = 7 * 24 * 3600;
/** A call is tried for 23 h at most; what was not met by then never is. */
const EARLY_SECONDS = 2 * 24 * 3600;
const INTERVAL_MS = 10 * 60_000;
const ROWS_A_SWEEP = 5_000;

/** Sweeps every ten minutes until stopped; `stop` waits for a sweep under way. */
export function startEventRetention(deps: { readonly database: Database; readonly log: Log }): {
  stop(): Promise<void>;
} {
  const ending = new AbortController();
  const running = sweepOnAndOn(deps, ending.signal);
  return {
    async stop() {
      ending.abort();
      await running;
    },
  };
}

async function sweepOnAndOn(
  { database, log }: { readonly database: Database; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  const ages = { keptSeconds: KEPT_SECONDS, earlySeconds: EARLY_SECONDS };
  while (!signal.aborted) {
    try {
      const events = await database.transaction((tx) => dropOldEvents(tx, ages, ROWS_A_SWEEP));
      const keys = await database.transaction((tx) => dropOldKeys(tx, ROWS_A_SWEEP));
      if (Math.max(events, keys) >= ROWS_A_SWEEP) continue;
    } catch (error) {
      log.warn("old events or keys could not be dropped; tried again later", { error });
    }
    await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
