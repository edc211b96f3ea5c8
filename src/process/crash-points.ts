/**
 * Named places in the shells where a crash, a freeze or a lost reply must be harmless. Tests install a hook that does it
 * there; in production there is none, and a point costs a comparison and a turn of the microtask queue.
 * Boundary: never in the engine. A point is named by what has just happened, or is about to.
 */

/** Every point. Each is passed by some workload: the fault suite fails when one was never reached. */
export const CRASH_POINTS = [
  // A call of the contract; the detail is its method.
  "rpc.received",
  "rpc.key.claimed",
  "rpc.done",
  "rpc.answer.kept",
  "rpc.answering",
  "rpc.responded",
  // A transaction, whatever it writes. Between sent and answered its outcome is unknown.
  "transaction.written",
  "commit.sent",
  "commit.answered",
  // A batch of a lane; the detail of folded is run_continued where the batch continues a run.
  "batch.folded",
  "batch.written",
  "batch.committed",
  // Messages of the bus; the detail is their stream.
  "bus.delivered",
  "bus.event.kept",
  "bus.routed",
  "bus.acked",
  "deadletter.committed",
  "deadletter.published",
  // A call to another service; the detail is its kind.
  "call.leased",
  "call.performing",
  "call.sent",
  "call.answered",
  "call.result.committed",
  "leases.renewed",
  // Tasks out to workers, and their results.
  "tasks.sending",
  "tasks.sent",
  "tasks.placed",
  "tasks.asked",
  "results.delivered",
  "results.committed",
  "results.acked",
  // Events out.
  "partitions.leased",
  "outbox.read",
  "outbox.sent",
  "outbox.acknowledged",
  "outbox.marked",
  // Time.
  "timers.found",
  "timers.fired",
  "schedules.found",
  "schedules.started",
  "schedules.moved",
  // What standing loops look at again.
  "reconcile.claimed",
  "reconcile.asked",
  "sweep.waits.page",
  "sweep.reports.page",
  "sweep.unfinished.page",
  // The life of a process.
  "migrate.statement",
  "start.listening",
  "stop.begun",
] as const;

/** The name of a point. */
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What is done at a point. What it throws or rejects with is thrown there; what it waits for is waited for. */
type CrashHook = (point: CrashPoint, detail: string) => Promise<void> | undefined;

let hook: CrashHook | undefined;

/** Marks a point. `detail` tells its visits apart, such as the kind of a call. */
export function reached(point: CrashPoint, detail = ""): Promise<void> | undefined {
  return hook?.(point, detail);
}

/** For tests: from here on `next` is called at each point. */
export function installCrashHook(next: CrashHook): void {
  hook = next;
}
