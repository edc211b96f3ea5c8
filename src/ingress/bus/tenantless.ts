/**
 * Logs events that name no tenant: they are ignored, and the log lets their publisher find the fault.
 * Boundary: the log; the counter of ignored events counts each of them.
 */
import type { Log } from "../../process/log.ts";

const LINE_EVERY_MS = 60_000;

/** Notes one event of a source; writes at most one line a minute. */
export type NoteTenantless = (subject: string) => void;

/** Begins with a line for the first event; `nowMs` is a monotonic clock. */
export function createTenantlessNotice(
  log: Log,
  stream: string,
  nowMs: () => number = () => performance.now(),
): NoteTenantless {
  let nextLineAtMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (subject) => {
    count += 1;
    if (nowMs() < nextLineAtMs) return;
    log.warn("events without a tenant are ignored", { stream, subject, count });
    nextLineAtMs = nowMs() + LINE_EVERY_MS;
    count = 0;
  };
}
