/**
 * Tells the other replicas that something is in the outbox that one of them publishes.
 * Boundary: a plain NATS message, no more than a hint. One that is lost costs time: the holder of the partition lists the outbox
 * all the same, after its pause.
 * Invariant: a replica sends a hint each PAUSE_MS at most, the last one after the last commit, and one when it lets go of partitions.
 * However many replicas send some, it hears of them each PAUSE_MS at most.
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
  /** As `send`, whatever was sent lately: what this replica publishes is another one's from now on. */
  sendNow(): void;
  stop(): void;
}

/** The subject of hints; the body is the replica that sends it. */
export const OUTBOX_HINTS = "workflows.outbox";
const PAUSE_MS = 50;

/** Starts listening. */
export function openOutboxHints(deps: OutboxHintsDeps): OutboxHints {
  const { connection, replicaId, log } = deps;
  const heard = atTimes(deps.onHint);
  const sendNow = () => {
    if (!connection.isClosed()) connection.publish(OUTBOX_HINTS, replicaId);
  };
  const sent = atTimes(sendNow);
  const subscription = connection.subscribe(OUTBOX_HINTS, {
    callback(error, message) {
      if (error !== null) log.warn("hints of other replicas are not received", { error });
      else if (message.string() !== replicaId) heard.call();
    },
  });
  return {
    send: sent.call,
    sendNow,
    stop() {
      sent.stop();
      heard.stop();
      subscription.unsubscribe();
    },
  };
}

/** Calls at once, but each PAUSE_MS at most; the last time after it was asked for last. */
function atTimes(act: () => void): { call(): void; stop(): void } {
  let pause: NodeJS.Timeout | undefined;
  let isWanted = false;

  function call(): void {
    isWanted = pause !== undefined;
    if (isWanted) return;
    act();
    pause = setTimeout(() => {
      pause = undefined;
      if (isWanted) call();
    }, PAUSE_MS);
  }

  return { call, stop: () => clearTimeout(pause) };
}
