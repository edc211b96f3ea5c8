/**
 * Publishing to JetStream with one reply inbox for the connection: a message goes out, its acknowledgement is told by
 * the last token of the reply's subject.
 * Boundary: one try of one message; repeating is the publisher's.
 * Invariants:
 * 1. A message that timed out may have been stored, so every message carries its event's id as `Nats-Msg-Id`.
 * 2. Nothing is handed to a connection that is away: it would pile up there.
 */
import {
  createInbox,
  ErrorCode,
  Events,
  headers,
  type Msg,
  type NatsConnection,
  NatsError,
  type Subscription,
} from "nats";
import type { OutgoingEvent } from "../wire/cloud-events.ts";

/**
 * `stored`: the stream has it. `no_stream`: nobody stores this subject. `too_large`: server or stream never take it.
 * `lost`: no answer in time or a refusal; it may be stored or not.
 */
export type PublishOutcome = "stored" | "no_stream" | "too_large" | "lost";

/** Publishes on one connection. */
export interface AckedPublish {
  /** Sends a message once; resolves with what came of it, within 2 s. */
  publish(event: OutgoingEvent): Promise<PublishOutcome>;
  /** Whether the connection is up. */
  readonly connected: boolean;
  stop(): void;
}

const ACK_TIMEOUT_MS = 2_000;
const SWEEP_EVERY_MS = 250;
const NO_RESPONDERS = 503;
const MESSAGE_EXCEEDS_MAXIMUM = 10_054;

interface Awaited {
  readonly sentAtMs: number;
  resolve(outcome: PublishOutcome): void;
}

/** Opens the reply inbox. */
export function openAckedPublish(connection: NatsConnection): AckedPublish {
  const inbox = createInbox();
  // In order of sending, so the first is the one that has waited longest.
  const awaited = new Map<string, Awaited>();
  let next = 0;
  let connected = !connection.isClosed();
  let stopped = false;
  let sweep: NodeJS.Timeout | undefined;

  const settle = (token: string, outcome: PublishOutcome) => {
    const entry = awaited.get(token);
    awaited.delete(token);
    entry?.resolve(outcome);
  };
  let subscription: Subscription | undefined;
  // The client ends a subscription whose permission is refused; the next message asks for it again.
  const listen = () => {
    subscription ??= connection.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) subscription = undefined;
        else settle(message.subject.slice(inbox.length + 1), outcomeOf(message));
      },
    });
  };
  const status = connection.status();
  void (async () => {
    for await (const { type } of status) {
      if (type === Events.Disconnect) connected = false;
      if (type === Events.Reconnect) connected = true;
    }
  })();

  // One timer for all that is awaited, and none while nothing is.
  function watch(): void {
    sweep ??= setTimeout(() => {
      sweep = undefined;
      const latest = performance.now() - ACK_TIMEOUT_MS;
      for (const [token, entry] of awaited) {
        if (entry.sentAtMs > latest) break;
        settle(token, "lost");
      }
      if (awaited.size > 0) watch();
    }, SWEEP_EVERY_MS);
  }

  return {
    get connected() {
      return !stopped && connected && !connection.isClosed();
    },
    publish(event) {
      if (!this.connected) return Promise.resolve("lost");
      listen();
      next += 1;
      const token = String(next);
      const head = headers();
      head.set("Nats-Msg-Id", event.id);
      head.set("Content-Type", event.contentType);
      try {
        connection.publish(event.subject, event.body, {
          headers: head,
          reply: `${inbox}.${token}`,
        });
      } catch (error) {
        return Promise.resolve(isTooLarge(error) ? "too_large" : "lost");
      }
      return new Promise((resolve) => {
        awaited.set(token, { sentAtMs: performance.now(), resolve });
        watch();
      });
    },
    stop() {
      stopped = true;
      clearTimeout(sweep);
      subscription?.unsubscribe();
      for (const token of [...awaited.keys()]) settle(token, "lost");
    },
  };
}

function outcomeOf(message: Msg): PublishOutcome {
  if (message.headers?.code === NO_RESPONDERS) return "no_stream";
  try {
    const ack: unknown = JSON.parse(message.string());
    if (typeof ack !== "object" || ack === null) return "lost";
    if ("error" in ack) return isRefusedForSize(ack.error) ? "too_large" : "lost";
    return "seq" in ack ? "stored" : "lost";
  } catch {
    // No acknowledgement of JetStream: somebody else answers on this subject.
    return "lost";
  }
}

/** The stream's own limit (max_msg_size) may be below the server's. */
function isRefusedForSize(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "err_code" in error &&
    error.err_code === MESSAGE_EXCEEDS_MAXIMUM
  );
}

function isTooLarge(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.MaxPayloadExceeded;
}
