/** Words that the caller, the owner and the engines of one benchmark share. */

/** The workspace of all runs. */
export const WORKSPACE = "ws_bench";
/** The agent of every agent step; as long as ours. */
export const AGENT = "agt_01k9zq3v7x4n8m2b6c5d0f1g2h";
/** Steps of a line. */
export const LINE_STEPS = 10;
/** Parallel steps of a fan-out. */
export const FAN_STEPS = 200;
/** Internal steps of a run of them. */
export const INTERNAL_STEPS = 100;
/** The queue of the steps that a worker does, and what it does. */
export const QUEUE = "bench";
export const ACTION = "note";
/** Streams and subjects of the worker floor. */
export const FLOOR_TASKS = "FLOOR_TASKS";
export const FLOOR_RESULTS = "FLOOR_RESULTS";
/** The last step of a line or a fan-out. */
export const LAST_STEP = "last";
/** The step after a wait: its call is what a wake leads to. */
export const AFTER_WAIT = "woken";
/** Where the owner says that the step after a wait was called. */
export const SEEN_SUBJECT = "bench.seen";
/** What every payload carries, so that it has about 200 bytes. */
export const NOTE = "x".repeat(160);
/** The event that a parked run waits for. */
export const WAKE_TYPE = "bench.event.go";
/** The event that starts a run of one agent step. */
export const SHORT_TYPE = "bench.event.short";
/** The event that starts a run. */
export const START_TYPE = "bench.event.start";
