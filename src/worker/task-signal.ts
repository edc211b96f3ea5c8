/** The signal of one task: when it aborts by itself, and how long its handler has then. */
import type { Task } from "./protocol.ts";

/** A handler that does not stop within this time after its signal gives its place to another task. */
const STOP_MS = 5_000;

/**
 * Aborts a task at its timeout. The time that it has is counted from now: the clocks of the service and the worker may differ,
 * and a cancel of the service comes earlier.
 */
export function timeoutOf(task: Task, abort: AbortController): NodeJS.Timeout | undefined {
  if (task.timeout_at === undefined) return undefined;
  const ms = Date.parse(task.timeout_at) - Date.parse(task.queued_at);
  if (!(ms >= 0 && ms < LONGEST_TIMER_MS)) return undefined;
  return setTimeout(() => abort.abort(new Error("the step has timed out")), ms);
}

/** Longer ones fire at once. */
const LONGEST_TIMER_MS = 2 ** 31;

/** Resolves some time after a signal. */
export function afterSignal(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const late = () => void setTimeout(() => resolve(undefined), STOP_MS).unref();
    signal.addEventListener("abort", late, { once: true });
  });
}
