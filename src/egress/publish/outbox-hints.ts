/**
 * Tells the other replicas that something is in the outbox that one of them publishes.
 * Boundary: a plain NATS message, no more than a hint. One that is lost costs time: the holder of the partition lists the outbox
 * all the same, after its pause.
 * Invariant: a replica sends a hint each PAUSE_MS at most, the last one after the last commit.
 */
import type { NatsConnection } from "nats";
import type { Log } from "../../process/log.ts";

/** What hints need. */
export interface OutboxHintsDeps {
  readonly connection: NatsConnection;
  readonly replicaId: string;
  readonly log: Log;
  /** Another replica committed what it does not publish itself. */
  onHint(): void;
}

/** Hints in and out. */
export interface OutboxHints {
  /** This replica committed what it does not publish itself. Never throws. */
  send(): void;
  stop(): void;
}

/** The subject of hints; the body is the replica that sends it. */
export const OUTBOX_HINTS = "workflows.outbox";
const PAUSE_MS = 50;

/** Starts listening. */
export function openOutboxHints(deps: OutboxHintsDeps): OutboxHints {
  const { connection, replicaId, log } = deps;
  const subscription = connection.subscribe(OUTBOX_HINTS, {
    callback(error, message) {
      if (error !== null) log.warn("hints of other replicas are not received", { error });
      else if (message.string() !== replicaId) deps.onHint();
    },
  });
  let pause: NodeJS.Timeout | undefined;
  let isWanted = false;

  function send(): void {
    isWanted = pause !== undefined;
    if (isWanted || connection.isClosed()) return;
    connection.publish(OUTBOX_HINTS, replicaId);
    pause = setTimeout(() => {
      pause = undefined;
      if (isWanted) send();
    }, PAUSE_MS);
  }

  return {
    send,
    stop() {
      clearTimeout(pause);
      subscription.unsubscribe();
    },
  };
}
