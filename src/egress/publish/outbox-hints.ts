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
  /** Another replica let go of partitions. */
  onLetGo(): void;
}

/** Hints in and out. */
export interface OutboxHints {
  /** This replica committed what it does not publish itself. Never throws. */
  send(): void;
  /** This replica let go of partitions. Never throws. */
  sendLetGo(): void;
  stop(): void;
}

/** The subject of hints; the body is the replica that sends it, and LET_GO behind it. A replica that does not know that takes it for a hint. */
export const OUTBOX_HINTS = "workflows.outbox";
const LET_GO = " let go";
const PAUSE_MS = 50;

/** Starts listening. */
export function openOutboxHints(deps: OutboxHintsDeps): OutboxHints {
  const { connection, replicaId, log } = deps;
  const heard = atTimes(deps.onHint);
  const heardLetGo = atTimes(deps.onLetGo);
  const say = (text: string) => {
    if (!connection.isClosed()) connection.publish(OUTBOX_HINTS, text);
  };
  const sent = atTimes(() => say(replicaId));
  const hear = (text: string) => {
    const isLetGo = text.endsWith(LET_GO);
    const from = isLetGo ? text.slice(0, -LET_GO.length) : text;
    if (from !== replicaId) (isLetGo ? heardLetGo : heard).call();
  };
  const subscription = connection.subscribe(OUTBOX_HINTS, {
    callback(error, message) {
      if (error !== null) log.warn("hints of other replicas are not received", { error });
      else hear(message.string());
    },
  });
  return {
    send: sent.call,
    sendLetGo: () => say(`${replicaId}${LET_GO}`),
    stop() {
      sent.stop();
      heard.stop();
      heardLetGo.stop();
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
