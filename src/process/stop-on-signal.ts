/** The end of the process by SIGTERM or SIGINT. Boundary: what stops, and in which order, is the caller's. */
import type { Log } from "./log.ts";

/** Stops the service: no new work, what is in flight finishes, the outbox is flushed. */
export type Stop = () => Promise<void>;

const STOP_MS = 18_000;

/**
 * Ends the process on the first signal, after a graceful stop that takes 18 s at most. A second signal, or one before
 * the service has started, ends it at once.
 */
export function stopOnSignal(stopOf: () => Stop | undefined, log: Log): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    const stop = stopOf();
    if (stopping || stop === undefined) process.exit(1);
    stopping = true;
    log.info("stopping", { signal });
    setTimeout(() => {
      log.error("the stop takes too long; the process ends without it", { limitMs: STOP_MS });
      process.exit(1);
    }, STOP_MS);
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error("the stop went wrong", { error });
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}
