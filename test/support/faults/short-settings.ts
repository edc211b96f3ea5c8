/**
 * The settings of the fault suite: what an operator never changes, shrunk so that a recovery takes seconds.
 * Boundary: edits of the source that only the compiled file of the tests has. The ratios stay those of the service: a
 * lease is renewed several times before its end.
 */
import type { SourceEdit } from "../../../tools/test-service.ts";

const SHORT_LEASE_MS = 2_000;
/** How long a frozen replica sleeps: every lease of its is over then. */
export const FREEZE_MS = 3 * SHORT_LEASE_MS;

function setting(file: string, before: string, after: string): SourceEdit {
  return { file, find: `const ${before};`, replace: `const ${after};` };
}

/** All of them. */
export const SHORT_SETTINGS: readonly SourceEdit[] = [
  setting("store/calls.ts", "CALL_LEASE_MS = 20_000", `CALL_LEASE_MS = ${SHORT_LEASE_MS}`),
  setting("egress/dispatch/dispatcher.ts", "RENEW_EVERY_MS = 10_000", "RENEW_EVERY_MS = 500"),
  setting("egress/dispatch/dispatcher.ts", "CLAIM_EVERY_MS = 2_000", "CLAIM_EVERY_MS = 500"),
  setting("egress/dispatch/dispatcher.ts", "FAULT_REST_MS = 60_000", "FAULT_REST_MS = 1_000"),
  setting("egress/dispatch/dispatcher.ts", "FINISH_MS = 10_000", "FINISH_MS = 2_000"),
  setting("egress/dispatch/call-leases.ts", "NOT_SENT_REST_MS = 5_000", "NOT_SENT_REST_MS = 1_000"),
  setting("store/outbox.ts", "PARTITION_LEASE_MS = 10_000", "PARTITION_LEASE_MS = 2_500"),
  setting("egress/publish/publisher.ts", "LEASE_EVERY_MS = 3_000", "LEASE_EVERY_MS = 500"),
  setting("egress/publish/own-stream.ts", "LOOK_EVERY_MS = 60_000", "LOOK_EVERY_MS = 2_000"),
  setting("collaborators/call-policy.ts", "LONGEST_DELAY_MS = 30_000", "LONGEST_DELAY_MS = 1_000"),
  setting("collaborators/breaker.ts", "LONGEST_REST_MS = 10_000", "LONGEST_REST_MS = 1_000"),
  setting("egress/tasks/queue-watch.ts", "EVERY_MS = 15_000", "EVERY_MS = 2_000"),
  setting("ingress/bus/durable-consumer.ts", "ACK_WAIT_MS = 10_000", "ACK_WAIT_MS = 2_000"),
  setting("ingress/bus/deliveries.ts", "LONGEST_DELAY_MS = 10_000", "LONGEST_DELAY_MS = 1_000"),
  setting("ingress/bus/pull-loop.ts", "LONGEST_PAUSE_MS = 5_000", "LONGEST_PAUSE_MS = 1_000"),
  setting("ingress/bus/connection.ts", "PING_INTERVAL_MS = 10_000", "PING_INTERVAL_MS = 1_000"),
  setting("ingress/timers/missed-waits.ts", "EVERY_MS = 600_000", "EVERY_MS = 2_000"),
  setting("ingress/timers/missed-reports.ts", "EVERY_MS = 20_000", "EVERY_MS = 2_000"),
  setting("ingress/timers/timers.ts", "LEFT_OUT_MS = 5_000", "LEFT_OUT_MS = 1_000"),
  setting("ingress/timers/schedules.ts", "LEFT_OUT_MS = 30_000", "LEFT_OUT_MS = 2_000"),
  setting("engine/values/budget.ts", "CONTINUE_AFTER_MS = 5_000", "CONTINUE_AFTER_MS = 1_000"),
  setting(
    "runtime/routing/meet-events.ts",
    "LONGEST_PAUSE_MS = 30_000",
    "LONGEST_PAUSE_MS = 1_000",
  ),
  setting(
    "store/database.ts",
    "IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000",
    "IDLE_IN_TRANSACTION_TIMEOUT_MS = 2_000",
  ),
  setting("ingress/rpc/server.ts", "GRACE_MS = 10_000", "GRACE_MS = 3_000"),
];

/** When a message that a worker does not hold any more is delivered again. */
export const WORKER_ACK_WAIT_MS = 2_000;

/** Those of the workers, which have a build of their own. */
export const WORKER_SETTINGS: readonly SourceEdit[] = [
  setting("worker/protocol.ts", "ACK_WAIT_MS = 10_000", `ACK_WAIT_MS = ${WORKER_ACK_WAIT_MS}`),
  setting("worker/protocol.ts", "BEAT_MS = 3_000", "BEAT_MS = 500"),
];

/**
 * A killed replica is back before the leases of its calls are over, on a slow machine too: who claims calls only at its
 * start never gets them.
 */
export const LONGER_LEASE: SourceEdit = {
  file: "store/calls.ts",
  find: `CALL_LEASE_MS = ${SHORT_LEASE_MS}`,
  replace: `CALL_LEASE_MS = ${4 * SHORT_LEASE_MS}`,
};
