/** Logs an outage of the database once for all batches of all lanes; its repeats are logged at debug level. */
import type { Log } from "../process/log.ts";

/** See the file's head. */
export interface DatabaseOutage {
  /** A batch found the database away. */
  note(error: unknown): void;
  /** A batch was committed. */
  end(): void;
}

/** Starts without an outage. */
export function createDatabaseOutage(log: Log): DatabaseOutage {
  let sinceMs: number | undefined;
  return {
    note(error) {
      const level = sinceMs === undefined ? "warn" : "debug";
      sinceMs ??= performance.now();
      log[level]("a batch waits for the database", { error });
    },
    end() {
      if (sinceMs === undefined) return;
      const awayMs = Math.round(performance.now() - sinceMs);
      sinceMs = undefined;
      log.info("batches are committed again", { awayMs });
    },
  };
}
